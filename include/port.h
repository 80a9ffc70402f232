/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAL, ethdev ports and their queues: the only place that calls rte_eth_* and
 * rte_eal_*. A port is named as the configuration names it: a vdev (`net_af_packet0,
 * iface=veth0`), or a PCI address. What a device cannot do (checksums, chains, RSS) is
 * done here in software, so that nothing above has to ask.
 *
 * port_eal_start() and port_open() belong to the control thread before the cores start;
 * the burst calls to the one core that owns (port, queue).
 */
#ifndef WIREMAP_PORT_H
#define WIREMAP_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"

struct rte_mbuf;
struct rte_mempool;
struct port;

enum port_limits {
	PORT_COUNT_MAX = 16,
	PORT_QUEUES_MAX = 64, /* per port */
	PORT_BURST_MAX = 64,  /* frames of one receive or transmit call */
	/* Frames that wait for room in a full transmit queue: what a turn may send (ACKs of
	 * a burst, a connection's part of one) after it was told that the queue is full. */
	PORT_HELD_MAX = 512,
	PORT_CORES_MAX = 64,
};

struct port_error {
	char text[512]; /* names what was refused and the remedy */
};

struct port_eal_config {
	const char *program;
	const unsigned *cores; /* CPUs for dataplane loops, in order; [0] also runs start-up */
	unsigned cores_n;
	const char *const *devices_pci; /* allowed PCI addresses; none: --no-pci */
	unsigned devices_pci_n;
	const char *const *vdevs; /* EAL --vdev arguments */
	unsigned vdevs_n;
	const char *file_prefix;  /* NULL: made from the pid */
	const char *const *extra; /* further EAL arguments, as they are */
	unsigned extra_n;
	unsigned memory_mb; /* per socket; 0: EAL's default */
	bool telemetry;	    /* rte_telemetry answers on its socket, from a thread of its own */
	bool no_huge;
	bool in_memory;
	bool single_file_segments; /* virtio_user needs it and gets it in any case */
	struct log *log;	   /* what EAL and the drivers say, or NULL; outlives EAL */
};

/*
 * Starts EAL, once in a process. The calling thread is pinned to cores[0]; threads made later
 * choose their own CPUs. Ignores SIGPIPE if nobody handles it: drivers raise it. 0; -EINVAL,
 * -ENODEV, -ENOMEM (no hugepages: nothing was begun, it may be called again with no_huge), or what
 * EAL failed with.
 */
int port_eal_start(const struct port_eal_config *config, struct port_error *error_r);
/* After the ports are closed. Removes what EAL left under /run when file_prefix was NULL. */
void port_eal_stop(void);

struct port_config {
	const char *device; /* vdev name or PCI address */
	unsigned queues;    /* receive/transmit pairs */
	/* 0: 1024 (of tx with TSO: 128), clipped to what the device has. */
	unsigned rx_descriptors, tx_descriptors;
	uint32_t mtu; /* IPv4 bytes; 0: the device's */
	bool tso;     /* use it where the device has it */
	bool promiscuous;
	bool checksum_offload; /* use it where the device has it */
	bool rx_interrupts;    /* where the device has them */
	uint32_t rx_mbufs;     /* per queue; 0: enough for descriptors and a burst's residue */
};

/* A device that is not there yet, but reads like a vdev, is made, and unmade by port_close(). 0 and
 * *port_r; -ENODEV, -EINVAL, -ENOMEM, or what the driver failed with. `log` outlives the port. */
int port_open(const struct port_config *config, struct log *log, struct port **port_r,
	      struct port_error *error_r);
/* Every frame received from it must have been freed. */
void port_close(struct port **port);

const char *port_driver(const struct port *port);
void port_mac(const struct port *port, uint8_t mac_r[6]);
uint32_t port_mtu(const struct port *port);
/* Payload of one TSO segment, 0 without; parts of a chain a frame may have (>= 1). */
uint32_t port_tso_bytes_max(const struct port *port);
uint32_t port_segments_max(const struct port *port);

/*
 * Receives up to PORT_BURST_MAX frames of a queue. Each is checked no further than the device
 * did: RTE_MBUF_F_RX_{IP,L4}_CKSUM_* say what it found.
 */
unsigned port_receive(struct port *port, unsigned queue, struct rte_mbuf **frames, unsigned n);
/*
 * Consumes all `n` frames, 0 to PORT_BURST_MAX: sends what the queue takes, and first what it did
 * not take before. Up to PORT_HELD_MAX wait here for the next call; what is more is counted and
 * freed. Returns how many wait: not 0, and the caller had better make no more for now. Checksums
 * asked for in ol_flags (IP_CKSUM, TCP_CKSUM, with l2/l3/l4_len) that the device cannot do are
 * computed, chains it cannot send are linearised, longer ones split.
 */
unsigned port_transmit(struct port *port, unsigned queue, struct rte_mbuf **frames, unsigned n);

/* Receive interrupts of a queue as a descriptor for epoll, or -1 where the port has none. */
int port_interrupt_fd(struct port *port, unsigned queue);
/* 0, or 1: frames are waiting, do not sleep; -ENOTSUP. */
int port_interrupt_arm(struct port *port, unsigned queue);
void port_interrupt_disarm(struct port *port, unsigned queue);

/*
 * Which queue a tuple belongs to (DESIGN section 2): Toeplitz over the tuple with the port's key
 * and redirection table; the same with and without hardware RSS. Addresses are IPv4 in
 * network order, ports in host order, as the frame carries them towards us.
 */
unsigned port_owner(const struct port *port, uint32_t src_ip, uint32_t dst_ip, uint16_t src_port,
		    uint16_t dst_port);

struct port_stats {
	uint64_t rx_frames, rx_bytes, rx_missed, rx_no_mbuf;
	uint64_t tx_frames, tx_bytes, tx_dropped, tx_linearised;
};
void port_stats(const struct port *port, struct port_stats *stats_r);

/*
 * A tap: copies of chosen frames, as they cross the ports it is attached to, into a pcapng file.
 * Cores only copy, into memory set aside when the tap was made; one other thread writes.
 * What finds no room is counted and not captured; the frame itself never waits. Frames on
 * their way out are seen as the device gets them: before it cuts and sums them.
 */
struct port_tap;

struct port_tap_filter {
	uint32_t host; /* IPv4, network order; either end. 0: any */
	uint16_t port; /* TCP or UDP, host order; either end. 0: any. Later fragments have none */
};

struct port_tap_stats {
	uint64_t captured, dropped;
};

/* 0, -ENOMEM. After the ports are open, before the cores start. */
int port_tap_create(struct port_tap **tap_r);
/* After the ports it was attached to are closed. */
void port_tap_destroy(struct port_tap **tap);
/* From now on `port` asks the tap. Once for a port, before the cores start. */
void port_tap_attach(struct port_tap *tap, struct port *port);
/* Begins a file on `fd`, which stays the caller's, and captures. 0, -EBUSY (one at a time), -errno.
 * These four belong to one thread, any. */
int port_tap_start(struct port_tap *tap, const struct port_tap_filter *filter, int fd);
/* Writes what was captured, at most `packets_max`; blocks as `fd` does. Returns the packets, or
 * -errno. */
int port_tap_write(struct port_tap *tap, unsigned packets_max);
/* Captures no more; what was captured can still be written. */
void port_tap_stop(struct port_tap *tap);
/* The end of the file, after port_tap_stop(); what was not written is dropped. */
void port_tap_finish(struct port_tap *tap, struct port_tap_stats *stats_r);

#endif
