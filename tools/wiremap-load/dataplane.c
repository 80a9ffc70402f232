/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane.h"

#include <errno.h>
#include <stdlib.h>

#include "loop.h"

struct dataplane {
	struct load_engine *engine;
	struct log *log;
	uint8_t local[16], peer[16];
	uint16_t peer_port;
	struct port *port;
	struct loop *loop;
	struct tcp *tcp;
	bool eal, started;
};

/* IPv4 in 16 bytes (RFC 4291 section 2.5.5.2). */
static void address_write(uint8_t address[16], uint32_t ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(address, mapped, sizeof(mapped));
	for (unsigned k = 0; k < 4; k++)
		address[12 + k] = (uint8_t)(ip >> (24 - 8 * k));
}

static void connect_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	(void)ref;
	load_engine_connect_failed((struct load_engine *)app,
				   reason == STREAM_REFUSED ? "refused" : "timed out");
}

static int dataplane_connect(struct load_engine *engine)
{
	struct dataplane *dataplane = engine->transport;
	struct stream_ref ref;
	int status = tcp_connect(dataplane->tcp, dataplane->local, 0, dataplane->peer,
				 dataplane->peer_port, &engine->app, connect_failed, &ref);

	/* Ports of connections just reset come back in a moment. */
	return status == -EADDRNOTAVAIL || status == -ENOBUFS ? -EAGAIN : status;
}

static int core_start(struct loop_core *core, unsigned number, void *arg)
{
	struct dataplane *dataplane = arg;

	(void)number;
	dataplane->tcp = loop_core_tcp(core);
	dataplane->engine->clock = loop_core_clock(core);
	dataplane->engine->connect = dataplane_connect;
	dataplane->engine->transport = dataplane;
	return 0;
}

static void core_stop(struct loop_core *core, unsigned number, void *arg)
{
	(void)core, (void)number, (void)arg;
}

static bool core_turn(struct loop_core *core, unsigned number, void *arg)
{
	struct dataplane *dataplane = arg;

	(void)core, (void)number;
	return load_engine_turn(dataplane->engine);
}

static int eal_start(struct dataplane *dataplane, const struct options *options,
		     struct port_error *error)
{
	const struct port_eal_config config = {
		.program = "wiremap-load",
		.cores = &options->cpu,
		.cores_n = 1,
		.devices_pci = &options->device,
		.devices_pci_n = options->vdev == NULL ? 1 : 0,
		.vdevs = &options->vdev,
		.vdevs_n = options->vdev == NULL ? 0 : 1,
		.extra = options->eal,
		.extra_n = options->eal_n,
		.memory_mb = options->memory_mb,
		.no_huge = options->no_huge,
		.in_memory = true,
		.single_file_segments = true,
	};
	int status = port_eal_start(&config, error);

	dataplane->eal = status == 0;
	return status;
}

static int loop_make(struct dataplane *dataplane, const struct options *options,
		     struct port_error *error)
{
	const struct loop_queue queue = {dataplane->port, 0};
	const unsigned queue_core = 0;
	const struct net_address address = {
		.ip = options->local, .prefix = options->prefix, .port = dataplane->port};
	unsigned connections_max = dataplane->engine->config.connections_max;
	struct loop_config config = {
		.cores = &options->cpu,
		.cores_n = 1,
		.queues = &queue,
		.queue_core = &queue_core,
		.queues_n = 1,
		.addresses = &address,
		.addresses_n = 1,
		.tcp = {.connections_max = connections_max + ENGINE_OPENING_MAX,
			.listeners_max = 1,
			.syn_received_max = 1,
			.time_wait_max = 1024,
			.receive_bytes_max = 1 << 20,
			.send_bytes_max = 1 << 16,
			.packet_memory_bytes = 16 << 20,
			.quantum_ns = 50000,
			.congestion = TCP_CUBIC,
			.socket = -1},
		.idle = LOOP_IDLE_POLL,
		.log = dataplane->log,
		.core_start = core_start,
		.core_stop = core_stop,
		.core_turn = core_turn,
		.arg = dataplane,
	};

	return loop_create(&config, &dataplane->loop, error);
}

int dataplane_create(struct load_engine *engine, const struct options *options, struct log *log,
		     struct dataplane **dataplane_r)
{
	struct dataplane *dataplane = calloc(1, sizeof(*dataplane));
	struct port_config port = {.device = options->device,
				   .queues = 1,
				   .mtu = options->mtu,
				   .checksum_offload = true};
	struct port_error error = {.text = ""};
	int status;

	if (dataplane == NULL)
		return -ENOMEM;
	dataplane->engine = engine;
	dataplane->log = log;
	dataplane->peer_port = options->server_port;
	address_write(dataplane->local, options->local);
	address_write(dataplane->peer, options->server);
	status = eal_start(dataplane, options, &error);
	if (status == 0)
		status = port_open(&port, log, &dataplane->port, &error);
	if (status == 0)
		status = loop_make(dataplane, options, &error);
	if (status != 0) {
		log_line(log, LOG_LEVEL_ERROR, "%s", error.text);
		dataplane_destroy(&dataplane);
		return status;
	}
	*dataplane_r = dataplane;
	return 0;
}

int dataplane_start(struct dataplane *dataplane)
{
	int status = loop_start(dataplane->loop);

	dataplane->started = status == 0;
	return status;
}

void dataplane_destroy(struct dataplane **dataplane)
{
	struct dataplane *d = *dataplane;

	if (d->started) {
		loop_stop(d->loop, 0, 0);
		loop_join(d->loop);
	}
	if (d->loop != NULL)
		loop_destroy(&d->loop);
	if (d->port != NULL)
		port_close(&d->port);
	if (d->eal)
		port_eal_stop();
	free(d);
	*dataplane = NULL;
}

uint64_t dataplane_busy_ns(const struct dataplane *dataplane)
{
	struct loop_stats stats;

	loop_stats(dataplane->loop, 0, &stats);
	return stats.busy_ns;
}
