/* SPDX-License-Identifier: Apache-2.0 */
#include "wires.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEVICE_BYTES_MAX = 1200, /* device and args, as long as the configuration lets them be */
	/* Memory without hugepages, MiB: it is only reserved, and used where it is touched. */
	MEMORY_BASE_MB = 192,
	MEMORY_PORT_QUEUE_MB = 16,
	CONNECTION_BYTES = 2048,
	SESSION_BYTES = 4096,
	FRAGMENT_BYTES = 3072,
};

static int cores_check(const struct wiremap_config *config, struct config_error *error)
{
	unsigned line = config->eal.cores.line;
	cpu_set_t usable;

	if (config->eal.cores.n > PORT_CORES_MAX)
		return config_refuse(config, line, error, "eal.cores: %u of them: at most %d",
				     config->eal.cores.n, PORT_CORES_MAX);
	if (sched_getaffinity(0, sizeof(usable), &usable) != 0)
		return 0; /* more CPUs than the set holds: EAL will say */
	for (unsigned k = 0; k < config->eal.cores.n; k++) {
		unsigned cpu = config->eal.cores.items[k];

		if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &usable))
			return config_refuse(
				config, line, error,
				"eal.cores: this process may not run on CPU %u: see nproc, "
				"taskset -p $$",
				cpu);
		for (unsigned m = 0; m < k; m++)
			if (config->eal.cores.items[m] == cpu)
				return config_refuse(
					config, line, error,
					"eal.cores: CPU %u stands there twice: leave one", cpu);
	}
	return 0;
}

static unsigned queue_core(const struct wiremap_config *config, const struct config_port *port,
			   unsigned queue)
{
	return port->queue_cores.n > 0 ? port->queue_cores.items[queue]
				       : queue % config->eal.cores.n;
}

/* Every core needs a queue, or nothing ever reaches it. */
static int queues_check(const struct wiremap_config *config, struct config_error *error)
{
	bool polls[PORT_CORES_MAX] = {false};

	for (unsigned p = 0; p < config->ports.n; p++)
		for (unsigned q = 0; q < config->ports.items[p].queues; q++)
			polls[queue_core(config, &config->ports.items[p], q)] = true;
	for (unsigned k = 0; k < config->eal.cores.n; k++)
		if (!polls[k])
			return config_refuse(config, config->ports.items[0].line, error,
					     "ports: core number %u (CPU %u) polls no queue: raise "
					     "queues:, or take the CPU off eal.cores",
					     k, config->eal.cores.items[k]);
	return 0;
}

int wires_check(const struct wiremap_config *config, struct config_error *error_r)
{
	int status;

	if (config->ports.n > PORT_COUNT_MAX)
		return config_refuse(config, config->ports.items[PORT_COUNT_MAX].line, error_r,
				     "ports: more than %d", PORT_COUNT_MAX);
	if (config->addresses.n > NET_ADDRESSES_MAX)
		return config_refuse(config, config->addresses.items[NET_ADDRESSES_MAX].line,
				     error_r, "addresses: more than %d", NET_ADDRESSES_MAX);
	status = cores_check(config, error_r);
	return status == 0 ? queues_check(config, error_r) : status;
}

/* 0000:3b:00.0, or without the domain. */
static bool is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	char rest;

	return sscanf(device, "%4x:%2x:%2x.%1u%c", &domain, &bus, &slot, &function, &rest) == 4 ||
	       sscanf(device, "%2x:%2x.%1u%c", &bus, &slot, &function, &rest) == 3;
}

/* With hugepages EAL takes what it needs; without them it must be told, and generously. */
static unsigned memory_mb(const struct wiremap_config *config)
{
	uint64_t per_core, queues = 0;

	if (config->eal.memory_mb != 0 || config->eal.huge)
		return config->eal.memory_mb;
	for (unsigned p = 0; p < config->ports.n; p++)
		queues += config->ports.items[p].queues;
	per_core = config->tcp.packet_memory_mb +
		   (((uint64_t)config->tcp.connections_max * CONNECTION_BYTES +
		     (uint64_t)config->imap.sessions_max * SESSION_BYTES +
		     (config->net.fragments == CONFIG_FRAGMENTS_REASSEMBLE
			      ? (uint64_t)config->net.fragments_max * FRAGMENT_BYTES
			      : 0) +
		     (uint64_t)config->imap.command_buffers * config->imap.command_bytes_max) >>
		    20);
	return (unsigned)(MEMORY_BASE_MB + queues * MEMORY_PORT_QUEUE_MB +
			  2 * config->eal.cores.n * per_core);
}

static bool wants_single_file(const struct wiremap_config *config)
{
	bool wants = config->eal.single_file_segments;

	for (unsigned k = 0; k < config->ports.n; k++)
		wants |= strstr(config->ports.items[k].device, "virtio_user") != NULL;
	return wants;
}

/* Virtual devices are plugged in one by one later, so that a refusal has its line; PCI devices
 * EAL must know from the start. */
static int eal_open(const struct wiremap_config *config, struct log *log, struct port_error *error)
{
	const char *pcis[PORT_COUNT_MAX];
	struct port_eal_config eal = {
		.program = "wiremapd",
		.cores = config->eal.cores.items,
		.cores_n = config->eal.cores.n,
		.devices_pci = pcis,
		.file_prefix = config->eal.file_prefix,
		.extra = (const char *const *)config->eal.extra.items,
		.extra_n = config->eal.extra.n,
		.memory_mb = memory_mb(config),
		.no_huge = !config->eal.huge,
		.in_memory = config->eal.in_memory,
		.telemetry = config->eal.telemetry,
		.single_file_segments = wants_single_file(config),
		.log = log,
	};

	for (unsigned k = 0; k < config->ports.n; k++)
		if (is_pci(config->ports.items[k].device))
			pcis[eal.devices_pci_n++] = config->ports.items[k].device;
	return port_eal_start(&eal, error);
}

static int port_add(struct wires *wires, const struct wiremap_config *config,
		    const struct config_port *port, struct log *log, struct port_error *error)
{
	char device[DEVICE_BYTES_MAX];
	const struct port_config options = {
		.device = device,
		.queues = port->queues,
		.rx_descriptors = port->rx_descriptors,
		.tx_descriptors = port->tx_descriptors,
		.mtu = port->mtu,
		.tso = port->tso,
		.promiscuous = port->promiscuous,
		.checksum_offload = port->checksum_offload,
		.rx_interrupts = port->rx_interrupts,
	};
	int status;

	snprintf(device, sizeof(device), "%s%s%s", port->device, port->args != NULL ? "," : "",
		 port->args != NULL ? port->args : "");
	status = port_open(&options, log, &wires->ports[wires->ports_n], error);
	if (status != 0)
		return status;
	for (unsigned q = 0; q < port->queues; q++) {
		wires->queues[wires->queues_n] =
			(struct loop_queue){wires->ports[wires->ports_n], q};
		wires->queue_core[wires->queues_n++] = queue_core(config, port, q);
	}
	wires->devices[wires->ports_n++] = port->device;
	return 0;
}

static void addresses_fill(struct wires *wires, const struct wiremap_config *config)
{
	for (unsigned k = 0; k < config->addresses.n; k++) {
		const struct config_address *address = &config->addresses.items[k];

		wires->addresses[wires->addresses_n++] = (struct net_address){
			.ip = address->ip.ip,
			.prefix = address->ip.prefix,
			.vlan = (uint16_t)address->vlan,
			.gateway = address->gateway,
			.port = wires->ports[address->port_number],
		};
	}
}

static int tap_open(struct wires *wires, struct port_error *error)
{
	int status = port_tap_create(&wires->tap);

	if (status != 0)
		snprintf(error->text, sizeof(error->text),
			 "no memory to capture frames with: give EAL more");
	for (unsigned k = 0; k < wires->ports_n && status == 0; k++)
		port_tap_attach(wires->tap, wires->ports[k]);
	return status;
}

int wires_open(const struct wiremap_config *config, struct log *log, struct wires *wires_r,
	       struct config_error *error_r)
{
	struct port_error error = {""};
	cpu_set_t affinity;
	bool known = sched_getaffinity(0, sizeof(affinity), &affinity) == 0;
	int status = eal_open(config, log, &error);

	*wires_r = (struct wires){.eal_runs = status == 0};
	/* EAL has pinned this thread to the first core, where a loop will run. */
	if (known)
		sched_setaffinity(0, sizeof(affinity), &affinity);
	if (status != 0)
		config_refuse(config, 0, error_r, "eal: %s", error.text);
	for (unsigned k = 0; k < config->ports.n && status == 0; k++) {
		const struct config_port *port = &config->ports.items[k];

		status = port_add(wires_r, config, port, log, &error);
		if (status != 0)
			config_refuse(config, port->line, error_r, "ports: %s", error.text);
	}
	if (status == 0 && config->control_socket != NULL) {
		status = tap_open(wires_r, &error);
		if (status != 0)
			config_refuse(config, 0, error_r, "control_socket: %s", error.text);
	}
	if (status == 0)
		addresses_fill(wires_r, config);
	else
		wires_close(wires_r);
	return status;
}

void wires_close(struct wires *wires)
{
	while (wires->ports_n > 0)
		port_close(&wires->ports[--wires->ports_n]);
	port_tap_destroy(&wires->tap);
	if (wires->eal_runs)
		port_eal_stop();
	wires->eal_runs = false;
}
