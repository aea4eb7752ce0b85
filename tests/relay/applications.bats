#!/usr/bin/env bats
# What people forward: a database, a shell, and many files, each with Debian's
# stone on the local side, and with relay-stone and a session that is shared.
#
# shellcheck disable=SC2030,SC2031,SC2094,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/shared

setup_file() {
    make_pki alice
}

setup() {
    prepare
    start_broker
    start_relay listen
    target_port=$(free_port)
    stone_port=$(free_port)
}

# forward stone|shared: from $stone_port to $target_port.
forward() {
    wait_until 60 listening "$target_port"
    start_agent agent alice "127.0.0.1:$target_port"
    wait_until 60 says agent ' waiting '
    if [ "$1" = stone ]; then
        start_stone stone alice "$stone_port"
    else
        start_shared stone 1
    fi
}

# redis_works stone|shared
redis_works() {
    command -v redis-server >/dev/null || skip 'needs redis-server'
    start redis redis-server --port "$target_port" --bind 127.0.0.1 --save '' --dir "$scratch"
    forward "$1"
    redis=(timeout 60 redis-cli -h 127.0.0.1 -p "$stone_port")
    [ "$("${redis[@]}" PING)" = PONG ]
    [ "$(seq 5000 | sed 's/.*/RPUSH list &/' | "${redis[@]}" | tail -n 1)" = 5000 ]
    head -c 7500000 /dev/urandom | base64 -w 0 >value
    [ "$("${redis[@]}" -x SET value <value)" = OK ]
    "${redis[@]}" GET value | head -c -1 >back
    cmp back value
}

# start_sshd: for root's or our own login by key.
start_sshd() {
    [ -x /usr/sbin/sshd ] || skip 'needs openssh-server'
    ssh-keygen -q -t ed25519 -N '' -f host_key
    ssh-keygen -q -t ed25519 -N '' -f user_key
    printf '%s\n' "Port $target_port" 'ListenAddress 127.0.0.1' "HostKey $scratch/host_key" \
        "AuthorizedKeysFile $scratch/user_key.pub" 'StrictModes no' 'UsePAM no' \
        'PermitRootLogin yes' "PidFile $scratch/sshd.pid2" >sshd_config
    mkdir -p /run/sshd 2>/dev/null || :
    start sshd /usr/sbin/sshd -D -e -f "$scratch/sshd_config"
    echo "remote $(cat host_key.pub)" >known_hosts
    ssh="ssh -F none -i $scratch/user_key -o BatchMode=yes -o HostKeyAlias=remote \
        -o UserKnownHostsFile=$scratch/known_hosts -o StrictHostKeyChecking=yes -o ControlMaster=no"
}

# ssh_works stone|shared
ssh_works() {
    start_sshd
    forward "$1"
    # shellcheck disable=SC2086
    run -7 timeout 60 $ssh -p "$stone_port" 127.0.0.1 'cat; exit 7' <<<'there and back'
    [ "$output" = 'there and back' ]
}

# rsync_works stone|shared
rsync_works() {
    command -v rsync >/dev/null || skip 'needs rsync'
    start_sshd
    forward "$1"
    mkdir from
    python3 -c '
import os, random
for i in range(2000):
    os.makedirs(f"from/{i % 37}", exist_ok=True)
    with open(f"from/{i % 37}/{i}", "wb") as file:
        file.write(random.randbytes(random.randrange(20000)))
'
    timeout 100 rsync -a --checksum -e "$ssh -p $stone_port" from/ "127.0.0.1:$scratch/to/"
    diff -r from to
    # nothing is left to be done
    run -0 timeout 100 rsync -ai --checksum -e "$ssh -p $stone_port" from/ "127.0.0.1:$scratch/to/"
    [ -z "$output" ]
}

@test 'Redis: commands, pipelines and a value of 10 MB' {
    redis_works stone
}

@test 'Redis over a shared session' {
    redis_works shared
}

@test 'ssh: a command, and its exit status' {
    ssh_works stone
}

@test 'ssh over a shared session' {
    ssh_works shared
}

@test 'ssh with relay-stone --stdio as its ProxyCommand' {
    start_sshd
    wait_until 60 listening "$target_port"
    start_waiting_agent agent alice "127.0.0.1:$target_port"
    write_stone_conf stone "127.0.0.1:$relay_port/ssl,http 1 \"GET / HTTP/1.1\""
    # shellcheck disable=SC2206 # words
    ssh=($ssh -o "ProxyCommand=$scratch/bin/relay-stone --stdio -C $scratch/stone.conf" intra)
    run -7 timeout 60 "${ssh[@]}" 'cat; exit 7' <<<'there and back'
    [ "$output" = 'there and back' ]
    head -c 20000000 /dev/urandom >sent
    timeout 100 "${ssh[@]}" cat <sent | cmp - sent
}

@test 'rsync --checksum of 2,000 files' {
    rsync_works stone
}

@test 'rsync over a shared session' {
    rsync_works shared
}
