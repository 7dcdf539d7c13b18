#!/usr/bin/env bash
# Launches the guest image @NAME@@BANNER@.
#
#   --emulate      without TDX: under QEMU's software emulation, as a test
#   --firmware     with --emulate: boot through the firmware instead of directly (slower)
#   --unmeasured   let MEMORY, KERNEL, INITRD, OVMF and arguments after -- differ from what was measured
#   -- ARGUMENT…   arguments of the program (with --unmeasured, where the image fixes none)
#
# From the environment: CPUS, SSH_PORT, NETDEV (a value of QEMU's -netdev, with id=net0), VSOCK_CID, QEMU,
# REGISTERS (with --emulate: the file of registers that a simulated platform reports).
# Ends with the exit code of the program.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
emulate= firmware= unmeasured=
command_line='@COMMAND_LINE@'
fail() {
    echo "@NAME@: $*" >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case $1 in
    --emulate) emulate=1 ;;
    --firmware) firmware=1 ;;
    --unmeasured) unmeasured=1 ;;
    --)
        shift
        [ $# = 0 ] || [ -n "$unmeasured" ] || fail "arguments change what is measured: say --unmeasured before them"
        [ $# = 0 ] || command_line="$command_line -- $*"
        break
        ;;
    -h | --help)
        sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    *) fail "unknown option '$1'; --help lists them" ;;
    esac
    shift
done

# file VARIABLE NAME SHA256: the measured file, or another one if that was asked for by name.
file() {
    local override=${!1:-} path="$here/$2" got
    if [ -n "$override" ]; then
        [ -n "$unmeasured" ] || fail "$1=$override changes what is measured: say --unmeasured"
        printf '%s' "$override"
        return
    fi
    [ -f "$path" ] || fail "$path is missing"
    got=$(sha256sum <"$path")
    if [ "${got%% *}" != "$3" ]; then
        [ -n "$unmeasured" ] || fail "$path is not the file that was measured: expected sha-256 $3, got ${got%% *}"
    fi
    printf '%s' "$path"
}
kernel=$(file KERNEL '@KERNEL@' @KERNEL_SHA256@)
initrd=$(file INITRD '@INITRD@' @INITRD_SHA256@)
ovmf=$(file OVMF '@OVMF@' @OVMF_SHA256@)
memory='@MEMORY@'
if [ -n "${MEMORY:-}" ] && [ "$MEMORY" != "$memory" ]; then
    [ -n "$unmeasured" ] || fail "MEMORY=$MEMORY changes what is measured: say --unmeasured"
    memory=$MEMORY
fi

qemu=${QEMU:-qemu-system-x86_64}
command -v "$qemu" >/dev/null || fail "no $qemu on this machine"
ssh_port=${SSH_PORT:-@SSH_PORT@}
netdev=${NETDEV:-user,id=net0${ssh_port:+,hostfwd=tcp::$ssh_port-:@SSH_GUEST_PORT@}}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/@NAME@.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
arguments=(
    -smp "${CPUS:-@CPUS@}" -m "$memory" -nodefaults -nographic -no-reboot
    -kernel "$kernel" -initrd "$initrd" -append "$command_line"
    -netdev "$netdev" -device virtio-net-pci,netdev=net0
    -serial mon:stdio -serial "file:$scratch/exit"
)
if [ -n "$emulate" ]; then
    arguments+=(-machine q35 -accel tcg,thread=single -cpu max)
    [ -z "$firmware" ] || arguments+=(-bios "$ovmf")
    registers=${REGISTERS:-$here/@REGISTERS@}
    [ -z '@SIMULATED@' ] || arguments+=(-fw_cfg "name=opt/org.mosaik.tdx/registers,file=$registers")
else
    arguments+=(
        -accel kvm -cpu host,pmu=off -bios "$ovmf"
        -object '{"qom-type":"tdx-guest","id":"tdx0","sept-ve-disable":true,"quote-generation-socket":{"type":"vsock","cid":"2","port":"4050"}}'
        -machine q35,kernel-irqchip=split,confidential-guest-support=tdx0
    )
    [ -z "${VSOCK_CID:-}" ] || arguments+=(-device "vhost-vsock-pci,guest-cid=$VSOCK_CID")
fi
status=0
"$qemu" "${arguments[@]}" || status=$?
[ "$status" = 0 ] || fail "$qemu ended with $status"
code=$(tr -d '\r' <"$scratch/exit" | sed -n 's/^exit code \([0-9][0-9]*\)$/\1/p' | tail -n 1)
[ -n "$code" ] || fail "the guest ended without an exit code"
exit "$code"
