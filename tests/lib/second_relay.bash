# A second relay on this host, with a broker of its own, which knows nothing of
# the first. To be loaded after helpers.
#
# shellcheck shell=bash disable=SC2034,SC2154

# configure_second: second.conf, like relay.conf, on $second_port.
configure_second() {
    take_port
    second_port=$port
    sed "s/^listen.*/listen = 127.0.0.1:$second_port/; s/broker.sock/broker2.sock/" relay.conf >second.conf
}

# start_second
start_second() {
    : >broker2.log
    : >relay2.log
    start broker2 bin/relay-broker -c second.conf
    await_start broker2 says broker2 ' start '
    start relay2 bin/relay-listen -c second.conf
    await_start relay2 says relay2 ' start '
}

# stop_second
stop_second() {
    stop relay2
    stop broker2
}
