/*
 * What goes over the connection of a parked agent, whose TLS has ended. Both
 * look like records of TLS 1.3 (RFC 8446 5), to whatever lies in between.
 */
#ifndef IPC_PARKED_SIGNS_H
#define IPC_PARKED_SIGNS_H

/* A sign of life, which the agent sends and the relay sends back. */
#define PARKED_SIGN      "\x14\x03\x03\x00\x01\x01"
#define PARKED_SIGN_SIZE 6

/* Seconds between two of them: haproxy(1) cuts what is idle for 50 to 60. */
#define PARKED_INTERVAL 50

/* What wakes the agent: a new handshake is to follow. */
#define PARKED_WAKE      "\x16\x03\x03\x00\x04\x00\x00\x00\x00"
#define PARKED_WAKE_SIZE 9

#endif
