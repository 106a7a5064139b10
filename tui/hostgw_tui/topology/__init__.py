"""The topology picture: hosts as boxes on their segment, with bridges, containers and routes."""
