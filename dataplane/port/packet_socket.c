/* SPDX-License-Identifier: Apache-2.0 */
#include "packet_socket.h"

#include <linux/if_packet.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Ports are opened before anything else has many descriptors. */
enum { DESCRIPTORS_MAX = 4096 };

static bool is_bound_to(int fd, unsigned interface)
{
	struct sockaddr_ll address;
	socklen_t bytes = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &bytes) == 0 &&
	       address.sll_family == AF_PACKET && address.sll_ifindex == (int)interface;
}

/* The driver opens the sockets of its queues one after the other and closes none of them; a new
 * descriptor is the lowest that is free: theirs rise with the queue's number. */
int packet_socket_find(unsigned interface, unsigned queue)
{
	for (int fd = 0; interface != 0 && fd < DESCRIPTORS_MAX; fd++)
		if (is_bound_to(fd, interface) && queue-- == 0)
			return fd;
	return -1;
}
