#!/usr/bin/env bash
# Fails where there is too little room for a build.
#
#   scripts/check_disk.sh FOLDER MEGABYTES
#
# FOLDER is where the build goes. Where it has been built before, what is new is small: a tenth is asked for.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

megabytes="$2"
if [[ -d "$1/deps" ]]; then megabytes=$(($2 / 10)); fi
need_disk "$megabytes" "$1"
