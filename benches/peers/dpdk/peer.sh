# shellcheck shell=bash
# rte_acl, rte_lpm and rte_fib over our tables; sourced by ../run, which sets what shellcheck misses here.
# shellcheck disable=SC2154

# Without huge pages: with them the figures stay the same, and nothing of the machine has to be changed. The last option lets the
# libraries use AVX-512 where the processor has it.
EAL=(--no-huge --no-shconf --no-pci --no-telemetry -m 1024 --log-level=error --force-max-simd-bitwidth=512)

prepare_dpdk() {
    has gcc gcc || return 1
    has pkg-config pkg-config || return 1
    pkg-config --exists libdpdk || install libc6-dev libdpdk-dev || { say "libdpdk-dev is missing and cannot be installed here"; return 1; }
    # shellcheck disable=SC2046 # the flags are words
    gcc -O3 -march=native -std=gnu11 -Wall -Wextra -o "$work/dpdk" "$here"/dpdk/*.c $(pkg-config --cflags --libs libdpdk) || return 1
    cargo build --release --quiet --manifest-path "$root/Cargo.toml" --package workload --bin kernels || return 1
    kernels=${CARGO_TARGET_DIR:-$root/target}/release/kernels
    mkdir "$work/tables" && "$kernels" write "$work/tables" || return 1
    grep -qw avx512f /proc/cpuinfo || say "SKIPPED: the rows for AVX-512, which this processor does not have"
}

round_dpdk() {
    measured "$work/dpdk" "${EAL[@]}" -l "$CORE" -- "$work/tables" | sed "s/^/$1 /"
    measured "$kernels" time | sed "s/^/$1 /"
    time_ours "$1" 200
}
