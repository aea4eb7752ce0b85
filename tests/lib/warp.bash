# .warp files, put together by hand. To be loaded after helpers.
#
# shellcheck shell=bash disable=SC2154

# warp NAME CERTIFICATE [PART...]: NAME.warp of these parts, all of CERTIFICATE's
# unless they are named: relay, key, cert, ca.
warp() {
    local file=$scratch/$1.warp certificate=$scratch/$2 part
    shift 2
    [ $# -gt 0 ] || set -- relay key cert ca
    (
        umask 077
        echo '# whose it is' >"$file"
        for part; do
            case $part in
                relay) echo "relay = ${warp_relay-127.0.0.1:$relay_port}" ;;
                key) cat "$certificate/private.pem" ;;
                cert) cat "$certificate/cert.pem" ;;
                ca) cat "$scratch/ca.pem" ;;
                *) cat "$part" ;;
            esac >>"$file"
        done
    )
}
