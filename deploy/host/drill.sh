#!/bin/bash
# Opens a restored database as this instance opens its own: with the API's user, secrets and authorities. It brings the
# schema up to date, sends no letter and serves nobody. For `roomm8ctl drill`.
set -euo pipefail

readonly address=$1 settings=/etc/roomm8/environment
# The last of the places that braces name is the host, which is this one here.
url=$(sed -nE "s/^DATABASE_URL=(.*)@\{[^}]*\}:/\1@$address:/p" $settings)
[ -n "$url" ] || { echo "$settings names no database to put another in the place of" >&2; exit 1; }
mapfile -t kept < <(grep -E '^(DATABASE_CA|AWS_REGION)=' $settings)

env "${kept[@]}" DATABASE_URL="$url" LOG=warn /opt/roomm8/roomm8 migrate
