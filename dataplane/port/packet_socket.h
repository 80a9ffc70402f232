/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets behind a net_af_packet port. Its driver has no receive interrupts and tells no
 * descriptors, but a packet socket is readable in epoll while its ring holds frames (packet(7)),
 * so a core can sleep on it. Control thread.
 */
#ifndef PORT_PACKET_SOCKET_H
#define PORT_PACKET_SOCKET_H

/* The socket of queue `queue` on interface number `interface`, or -1. The driver's, to be watched
 * and never read or closed. */
int packet_socket_find(unsigned interface, unsigned queue);

#endif
