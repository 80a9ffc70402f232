/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port from the inside: what port.c opens, burst.c moves frames through and interrupt.c sleeps
 * on. Written while it is opened; afterwards a queue belongs to its core, the rest is read only.
 */
#ifndef PORT_DEVICE_H
#define PORT_DEVICE_H

#include <rte_common.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "frame.h"
#include "port.h"
#include "tap.h"
#include "toeplitz.h"

enum device_limits {
	PORT_NAME_BYTES_MAX = 64,
	/* Entries of the redirection table; the largest that a device of ours may have. */
	PORT_SPREAD_MAX = 512,
	PORT_SPREAD_DEFAULT = 128,
	/* The repeated word of our RSS key: the one known to spread well and to be symmetric. */
	PORT_RSS_KEY_WORD = 0x6d5a,
};

struct port_queue {
	struct rte_mempool *received; /* frames of this queue come from here */
	struct rte_mempool *spare;    /* linear copies and segments go here */
	uint64_t rx_frames, rx_bytes; /* counters: written by the core, read by any thread */
	uint64_t tx_frames, tx_bytes, tx_dropped, tx_linearised;
	int interrupt_fd;	  /* -1: none */
	bool interrupt_is_socket; /* nothing to arm: it says by itself that frames wait */
	/* Frames found while arming the interrupt; the next receive returns them. */
	unsigned found_n;
	struct rte_mbuf *found[PORT_BURST_MAX];
	/* Frames the device had no room for, ready to be sent, in order. */
	unsigned held_n;
	struct rte_mbuf *held[PORT_HELD_MAX];
} __rte_cache_aligned;

struct port {
	uint16_t id;
	uint16_t segments_max;
	unsigned queues_n;
	uint32_t mtu;
	uint32_t tso_bytes_max;
	uint32_t frame_bytes_max;
	uint64_t software_flags; /* RTE_MBUF_F_TX_* that the device does not do */
	uint64_t begin_flags;	 /* those it does once the pseudo header's sum is in the frame */
	uint64_t prepare_flags;	 /* those of them whose frames rte_eth_tx_prepare() must see, too */
	struct toeplitz_table hash;
	uint16_t spread[PORT_SPREAD_MAX]; /* hash to queue; the device's, too, if it has one */
	unsigned spread_n;		  /* a power of two */
	int socket;
	bool plugged; /* by us: close unplugs */
	struct rte_device *device;
	struct log *log;
	struct port_tap *tap; /* or NULL */
	uint8_t mac[RTE_ETHER_ADDR_LEN];
	char name[PORT_NAME_BYTES_MAX];
	const char *driver;
	struct port_queue queues[];
};

/* Sets the table of who owns what, and the device's own RSS to the same where it has one. */
void port_spread_init(struct port *port, const struct rte_eth_dev_info *info);
/* The part of the configuration that asks for RSS; none when the device has none. */
void port_spread_configure(const struct rte_eth_dev_info *info, unsigned queues_n,
			   struct rte_eth_conf *conf);

/* Finds out which queues can wake a sleeper. After the start. */
void port_interrupts_init(struct port *port, const struct rte_eth_dev_info *info);

#endif
