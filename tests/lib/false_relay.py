"""A TLS server in the place of a relay, to see what a stone sends it.

    false_relay.py PORT FOLDER [ANSWER...]

Its certificate is FOLDER/cert.pem. Each ANSWER, with backslash escapes, is sent
as a TLS record of its own once a request head has come; "-" is a short nap, and
"cut" ends TCP without an end of TLS. Then all is read up to the end, and a line
on stdout tells what came.
"""

import socket
import ssl
import sys
import threading
import time

END_OF_HEAD = b"\r\n\r\n"


def main(port, folder, *answers):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/private.pem")
    context.load_verify_locations(f"{folder}/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", int(port)))
    while True:
        sock = listener.accept()[0]
        threading.Thread(target=serve, args=(context, sock, answers), daemon=True).start()


def serve(context, sock, answers):
    names = []
    context.sni_callback = lambda _tls, name, _context: names.append(name)
    try:
        tls = context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
    except (ssl.SSLError, OSError) as failure:
        say("no handshake:", failure)
        return
    got, ended = b"", None
    try:
        while END_OF_HEAD not in got:
            got += receive(tls)
        for answer in answers:
            if answer == "-":
                time.sleep(0.1)
            elif answer == "cut":
                sock = tls.detach()
                socket.socket(fileno=sock).close()
                return
            else:
                tls.sendall(answer.encode().decode("unicode_escape").encode("latin-1"))
        while True:
            got += receive(tls)
    except EOFError:
        ended = "clean"
        tls.unwrap()
    except (ssl.SSLError, OSError):
        ended = "error"
    say(f"sni={names[-1]} ended={ended} got={got}")
    tls.close()


def receive(tls):
    data = tls.recv(65536)
    if not data:
        raise EOFError
    return data


def say(*words):
    print(*words, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
