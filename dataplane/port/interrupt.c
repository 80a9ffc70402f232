/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <errno.h>
#include <string.h>

#include "check.h"
#include "packet_socket.h"

/* A queue's own interrupt, seen to be armed once; -1: none. */
static int device_interrupt(const struct port *port, unsigned queue)
{
	int fd = rte_eth_dev_rx_intr_ctl_q_get_fd(port->id, (uint16_t)queue);

	if (fd < 0 || rte_eth_dev_rx_intr_enable(port->id, (uint16_t)queue) != 0)
		return -1;
	rte_eth_dev_rx_intr_disable(port->id, (uint16_t)queue);
	return fd;
}

void port_interrupts_init(struct port *port, const struct rte_eth_dev_info *info)
{
	const bool packet_sockets = strcmp(info->driver_name, "net_af_packet") == 0;
	unsigned found = 0;

	for (unsigned k = 0; k < port->queues_n; k++) {
		struct port_queue *queue = &port->queues[k];

		queue->interrupt_fd = packet_sockets ? packet_socket_find(info->if_index, k)
						     : device_interrupt(port, k);
		queue->interrupt_is_socket = packet_sockets;
		found += queue->interrupt_fd >= 0;
	}
	log_line(port->log, LOG_LEVEL_INFO, "port %s: %u of %u queues can wake a sleeper",
		 port->name, found, port->queues_n);
}

int port_interrupt_fd(struct port *port, unsigned queue)
{
	ASSERT(queue < port->queues_n);
	return port->queues[queue].interrupt_fd;
}

int port_interrupt_arm(struct port *port, unsigned queue_number)
{
	struct port_queue *queue = &port->queues[queue_number];

	ASSERT(queue_number < port->queues_n);
	if (queue->found_n > 0)
		return 1;
	if (queue->interrupt_fd < 0)
		return -ENOTSUP;
	if (!queue->interrupt_is_socket &&
	    rte_eth_dev_rx_intr_enable(port->id, (uint16_t)queue_number) != 0)
		return -ENOTSUP;
	/* A frame that came between the last receive and the enable raises nothing. Not every
	 * driver counts what waits, so receive it and keep it for the next port_receive(). */
	queue->found_n =
		rte_eth_rx_burst(port->id, (uint16_t)queue_number, queue->found, PORT_BURST_MAX);
	return queue->found_n > 0;
}

void port_interrupt_disarm(struct port *port, unsigned queue)
{
	ASSERT(queue < port->queues_n);
	if (port->queues[queue].interrupt_fd >= 0 && !port->queues[queue].interrupt_is_socket)
		rte_eth_dev_rx_intr_disable(port->id, (uint16_t)queue);
}
