#!/usr/bin/env bash
# The Debian packages that some tests need: installed where that may be done (as root), else named. Without them those
# tests skip, each with what to install.
set -euo pipefail
command -v dpkg-query >/dev/null || exit 0
updated=""

need() { # need SECONDS WHAT PACKAGE...
  local seconds=$1 what=$2 missing=() package
  shift 2
  for package; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then return; fi
  if [ "$(id -u)" = 0 ]; then
    echo "installing for the tests: ${missing[*]}"
    if [ -z "$updated" ]; then updated=yes; timeout 300 apt-get update -qq || true; fi
    if DEBIAN_FRONTEND=noninteractive timeout "$seconds" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    then return; fi
  fi
  echo "tests that $what will skip: apt-get install ${missing[*]}" >&2
}

need 600 "run firmware or a kit" \
  gcc gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm qemu-user openjdk-17-jdk-headless
need 180 "compile a kit with clang" clang libclang-rt-14-dev
need 180 "open the report in a browser" chromium
