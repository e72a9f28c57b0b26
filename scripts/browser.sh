#!/bin/sh
# Makes a Chromium be on this machine, with letters for Latin, Chinese, Japanese and signs: what tests look at pictures
# and pages with (tests/browser.py). One that is there, or that AGILAB_BROWSER names, is taken as it is.
#
#   sh scripts/browser.sh    needs to be root on a Debian or Ubuntu to install it; elsewhere it says what is missing
#
# Without a browser those tests are skipped, and say so; so this never fails.
set -u
say() { printf 'browser: %s\n' "$*" >&2; }

for name in ${AGILAB_BROWSER:-chromium chromium-browser google-chrome google-chrome-stable chrome}; do
    if command -v "$name" >/dev/null 2>&1; then
        say "$(command -v "$name")"
        exit 0
    fi
done
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
    say "none here, and only root on a Debian can install it: install chromium, or name one with AGILAB_BROWSER"
    exit 0
fi
install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        chromium fonts-dejavu-core fonts-wqy-microhei fonts-noto-color-emoji >/dev/null 2>&1
}
say "chromium and fonts from the system's packages"
install || { apt-get update -qq >/dev/null 2>&1 && install; } ||
    say "it could not be installed: tests of pictures will be skipped"
