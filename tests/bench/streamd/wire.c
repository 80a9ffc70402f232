/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <sched.h>

enum {
	/* Memory without hugepages, MiB: it is only reserved, and used where it is touched. */
	MEMORY_BASE_MB = 256,
	CONNECTION_BYTES = 1024,
	/* Connections that are gone for their application and not yet for TCP. */
	CONNECTIONS_ENDING_MAX = 16384,
	/* A frame of 64 KiB arrives in two dozen buffers. */
	RX_MBUFS_TSO = 32768,
	HALF_OPEN_MAX = 4096,
	LISTENERS_MAX = 8,
	QUANTUM_NS = 50000,
	IDLE_SPIN_US = 50,
	IDLE_SLEEP_US = 500,
};

static unsigned memory_mb(const struct options *options)
{
	if (options->memory_mb != 0 || !options->no_huge)
		return options->memory_mb;
	return MEMORY_BASE_MB + 2 * options->packet_mb +
	       (unsigned)((uint64_t)options->connections * CONNECTION_BYTES >> 20);
}

static int eal_open(const struct options *options, struct log *log, struct port_error *error)
{
	const struct port_eal_config config = {
		.program = "streamd",
		.cores = &options->cpu,
		.cores_n = 1,
		.extra = options->eal,
		.extra_n = options->eal_n,
		.memory_mb = memory_mb(options),
		.no_huge = options->no_huge,
		.in_memory = true,
		.single_file_segments = true,
		.log = log,
	};

	return port_eal_start(&config, error);
}

int wire_open(const struct options *options, struct log *log, struct wire *wire_r)
{
	const struct port_config config = {
		.device = options->device,
		.queues = 1,
		.mtu = options->mtu,
		.tso = options->tso,
		.tx_descriptors = options->tx_descriptors,
		.checksum_offload = true,
		.rx_interrupts = options->idle == LOOP_IDLE_ADAPTIVE,
		.rx_mbufs = options->tso ? RX_MBUFS_TSO : 0,
	};
	struct port_error error = {""};
	cpu_set_t affinity;
	bool known = sched_getaffinity(0, sizeof(affinity), &affinity) == 0;
	int status = eal_open(options, log, &error);

	*wire_r = (struct wire){.eal_runs = status == 0};
	/* EAL has pinned this thread to the loop's core. */
	if (known)
		sched_setaffinity(0, sizeof(affinity), &affinity);
	if (status == 0)
		status = port_open(&config, log, &wire_r->port, &error);
	if (status == 0)
		return 0;
	log_line(log, LOG_LEVEL_ERROR, "%s", error.text);
	wire_close(wire_r);
	return status;
}

void wire_close(struct wire *wire)
{
	if (wire->port != NULL)
		port_close(&wire->port);
	if (wire->eal_runs)
		port_eal_stop();
	wire->eal_runs = false;
}

uint32_t wire_address(const struct options *options, unsigned n)
{
	return options->address + n;
}

int wire_loop(const struct options *options, const struct wire *wire, const struct wire_role *role,
	      struct log *log, struct loop **loop_r)
{
	const struct loop_queue queue = {wire->port, 0};
	const unsigned queue_core = 0;
	struct net_address addresses[NET_ADDRESSES_MAX];
	const struct loop_config config = {
		.cores = &options->cpu,
		.cores_n = 1,
		.queues = &queue,
		.queue_core = &queue_core,
		.queues_n = 1,
		.addresses = addresses,
		.addresses_n = options->addresses_n,
		.tcp = {.connections_max = options->connections + CONNECTIONS_ENDING_MAX,
			.listeners_max = LISTENERS_MAX,
			.syn_received_max = HALF_OPEN_MAX,
			.time_wait_max = options->time_wait,
			.receive_bytes_max = options->receive_kb << 10,
			.send_bytes_max = options->send_kb << 10,
			.packet_memory_bytes = options->packet_mb << 20,
			.quantum_ns = QUANTUM_NS,
			.congestion = options->congestion,
			.socket = -1},
		.idle = options->idle,
		.idle_spin_us = IDLE_SPIN_US,
		.idle_sleep_us = IDLE_SLEEP_US,
		.log = log,
		.core_start = role->core_start,
		.core_stop = role->core_stop,
		.core_turn = role->core_turn,
		.arg = role->arg,
	};
	struct port_error error = {""};
	int status;

	for (unsigned k = 0; k < options->addresses_n; k++)
		addresses[k] = (struct net_address){.ip = wire_address(options, k),
						    .prefix = options->prefix,
						    .gateway = options->gateway,
						    .port = wire->port};
	status = loop_create(&config, loop_r, &error);
	if (status != 0)
		log_line(log, LOG_LEVEL_ERROR, "%s", error.text);
	return status;
}
