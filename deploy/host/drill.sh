#!/bin/bash
# Opens a restored database as this instance opens its own: with the API's user, secrets and authorities. It brings the
# schema up to date, sends no letter and serves nobody. For `roomm8ctl drill`.
set -euo pipefail

readonly address=$1
# The last of the places that braces name is the host, which is this one here.
url=$(sed -nE "s/^(DATABASE_URL=)(.*)@\{[^}]*\}:/\2@$address:/p" /etc/roomm8/environment)
[ -n "$url" ] || { echo "/etc/roomm8/environment names no database to put another in the place of" >&2; exit 1; }
ca=$(sed -n 's/^DATABASE_CA=//p' /etc/roomm8/environment)
region=$(sed -n 's/^AWS_REGION=//p' /etc/roomm8/environment)

DATABASE_URL=$url DATABASE_CA=$ca AWS_REGION=$region LOG=warn /opt/roomm8/roomm8 migrate
