#!/usr/bin/env bats
# What people forward: a database, a shell, and many files, each with Debian's
# stone on the local side.
#
# shellcheck disable=SC2030,SC2031,SC2094,SC2154

load helpers

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

teardown() {
    end_all
}

# forward: from $stone_port to $target_port.
forward() {
    wait_until 10 listening "$target_port"
    start_agent agent alice "127.0.0.1:$target_port"
    wait_until 10 says agent ' waiting '
    start_stone stone alice "$stone_port"
}

@test "Redis: commands, pipelines and a value of 10 MB" {
    command -v redis-server >/dev/null || skip 'needs redis-server'
    start redis redis-server --port "$target_port" --bind 127.0.0.1 --save '' --dir "$scratch"
    forward
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
    ssh="ssh -F none -p $stone_port -i $scratch/user_key -o BatchMode=yes -o HostKeyAlias=remote \
        -o UserKnownHostsFile=$scratch/known_hosts -o StrictHostKeyChecking=yes -o ControlMaster=no"
}

@test "ssh: a command, and its exit status" {
    start_sshd
    forward
    # shellcheck disable=SC2086
    run -7 timeout 60 $ssh 127.0.0.1 'cat; exit 7' <<<'there and back'
    [ "$output" = 'there and back' ]
}

@test "rsync --checksum of 2,000 files" {
    command -v rsync >/dev/null || skip 'needs rsync'
    start_sshd
    forward
    mkdir from
    python3 -c '
import os, random
for i in range(2000):
    os.makedirs(f"from/{i % 37}", exist_ok=True)
    with open(f"from/{i % 37}/{i}", "wb") as file:
        file.write(random.randbytes(random.randrange(20000)))
'
    timeout 100 rsync -a --checksum -e "$ssh" from/ "127.0.0.1:$scratch/to/"
    diff -r from to
    # nothing is left to be done
    run -0 timeout 100 rsync -ai --checksum -e "$ssh" from/ "127.0.0.1:$scratch/to/"
    [ -z "$output" ]
}
