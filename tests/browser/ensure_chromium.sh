#!/usr/bin/env bash
# The browser tests need a Chromium. Where there is none and this is root on a Debian-like system, install it;
# elsewhere say so, and those tests skip with that reason.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" > /dev/null; then exit 0; fi
done
if [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null; then
  echo "installing chromium for the browser tests" >&2
  apt-get update -qq > /dev/null && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core > /dev/null
else
  echo "note: no chromium found; the browser tests will be skipped. Install it with: sudo apt-get install chromium" >&2
fi
