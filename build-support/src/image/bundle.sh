#!/usr/bin/env bash
# The guest image @NAME@@BANNER@ in one file: kernel, initial ram disk, firmware and launcher.
# Takes the launcher's options: see --help. KEEP=1 leaves the unpacked files behind and says where.
set -euo pipefail
folder=$(mktemp -d "${TMPDIR:-/tmp}/@NAME@-tdx.XXXXXX")
if [ "${KEEP:-}" = 1 ]; then echo "unpacking into $folder" >&2; else trap 'rm -rf "$folder"' EXIT; fi
tail -c +@OFFSET@ "${BASH_SOURCE[0]}" >"$folder/payload.tar"
got=$(sha256sum <"$folder/payload.tar")
if [ "${got%% *}" != @SHA256@ ]; then
    echo "@NAME@: this file is damaged: expected sha-256 @SHA256@, got ${got%% *}" >&2
    exit 2
fi
tar -xf "$folder/payload.tar" -C "$folder"
rm "$folder/payload.tar"
status=0
"$folder/@LAUNCH@" "$@" || status=$?
exit "$status"
__PAYLOAD_BELOW__
