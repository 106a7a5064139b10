#!/bin/sh
# A lab of three hosts with one route missing, and the dashboard on it over real SSH. Quitting takes the lab down.
set -eu
hostgw="$1"
lab="$2"

"$hostgw" lab up "$lab" --hosts 3 # a lab of this name that stands already is somebody's: it stays
trap '"$hostgw" lab down "$lab"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
"$hostgw" lab break "$lab" R1
"$hostgw" --lab "$lab"
