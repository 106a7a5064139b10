"""What is wrong: (fabric, mesh) to findings, one file per area of the catalogue of failure modes."""
