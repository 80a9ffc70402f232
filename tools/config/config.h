/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one YAML file that wiremapd and the tools read. What stands there is checked
 * while it is read; what does not stand there has its default. The keys, their bounds and their
 * defaults are the tables in keys.c, and nothing else. Control thread, before anything starts.
 *
 * Lists are {items, n, line}: the line of the file is for messages, 0 where the key is not given.
 * Addresses are IPv4, host order. Texts are NUL-terminated, UTF-8 without control characters, and
 * NULL when optional and not given. Everything belongs to the configuration until config_free().
 */
#ifndef WIREMAP_CONFIG_H
#define WIREMAP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct config_texts {
	char **items;
	unsigned n;
	unsigned line;
};

struct config_numbers {
	unsigned *items;
	unsigned n;
	unsigned line;
};

enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };
enum config_congestion { CONFIG_NEWRENO, CONFIG_CUBIC };
enum config_switch { CONFIG_OFF, CONFIG_ON };
enum config_ecn { CONFIG_ECN_PASSIVE, CONFIG_ECN_ON, CONFIG_ECN_OFF }; /* as in tcp.h */
enum config_fragments { CONFIG_FRAGMENTS_DROP, CONFIG_FRAGMENTS_REASSEMBLE };
enum config_idle_mode { CONFIG_IDLE_ADAPTIVE, CONFIG_IDLE_POLL };

struct config_log {
	unsigned level; /* enum config_log_level, in the order of log.h */
};

struct config_eal {
	struct config_numbers cores; /* CPUs of the dataplane loops, in order */
	unsigned memory_mb;	     /* per socket; 0: EAL's default */
	bool huge;
	bool in_memory;
	char *file_prefix; /* NULL: made from the pid */
	bool single_file_segments;
	bool telemetry;
	struct config_texts extra; /* further EAL arguments, as they are */
};

struct config_port {
	unsigned line; /* of the file, for messages */
	char *device;  /* vdev name or PCI address */
	char *args;    /* of the vdev, NULL: none */
	unsigned queues;
	/* For each queue the place in eal.cores of the core that polls it. Empty: queue q is
	 * polled by core q modulo their number. */
	struct config_numbers queue_cores;
	unsigned mtu; /* 0: the device's */
	unsigned rx_descriptors, tx_descriptors;
	bool tso;
	bool checksum_offload;
	bool rx_interrupts;
	bool promiscuous;
};

struct config_ports {
	struct config_port *items;
	unsigned n;
	unsigned line;
};

/* An address with the length of its network's prefix. */
struct config_network {
	uint32_t ip;
	uint8_t prefix;
};

struct config_address {
	unsigned line;
	struct config_network ip;
	char *port; /* a ports[].device; with one port it need not be named */
	unsigned port_number;
	unsigned vlan;	  /* 0: untagged */
	uint32_t gateway; /* 0: none */
};

struct config_addresses {
	struct config_address *items;
	unsigned n;
	unsigned line;
};

struct config_listen {
	unsigned line;
	uint32_t address; /* 0: any */
	unsigned port;
};

struct config_listens {
	struct config_listen *items;
	unsigned n;
	unsigned line;
};

struct config_tcp {
	unsigned connections_max; /* all of these per core */
	unsigned time_wait_max;
	unsigned syn_received_max;
	unsigned source_syn_received_max; /* of one source address; 0: no limit */
	unsigned source_connections_max;
	unsigned source_syns_per_s;
	unsigned receive_bytes_max;
	unsigned send_bytes_max;
	unsigned packet_memory_mb;
	unsigned congestion;	   /* enum config_congestion */
	unsigned ecn;		   /* enum config_ecn */
	unsigned path_mtu_probing; /* enum config_switch */
	unsigned quantum_us;
};

struct config_net {
	unsigned fragments; /* enum config_fragments */
	unsigned fragments_max;
	unsigned fragments_timeout_ms;
};

struct config_idle {
	unsigned mode; /* enum config_idle_mode */
	unsigned spin_us;
	unsigned sleep_us;
};

struct config_workers {
	unsigned store;
	unsigned auth;
	struct config_numbers cpus; /* none: wherever the system puts them */
};

struct config_imap {
	unsigned sessions_max; /* per core */
	unsigned command_bytes_max;
	unsigned command_buffers;
	unsigned login_timeout_s;
	unsigned idle_timeout_s;
	bool plaintext_login;
	char *greeting;
};

struct wiremap_config {
	char *path;
	struct config_texts volumes;
	char *users;
	char *user, *group; /* NULL: stays who it is */
	char *control_socket;
	char *stats_file;
	struct config_log log;
	struct config_eal eal;
	struct config_ports ports;
	struct config_addresses addresses;
	struct config_listens listen;
	struct config_net net;
	struct config_tcp tcp;
	struct config_idle idle;
	struct config_workers workers;
	struct config_imap imap;
	void *memory; /* the parser's own */
};

/* What is wrong, for people: file, line, key and remedy. */
struct config_error {
	char text[512];
};

/* Reads and checks a file. 0 and *config_r; -EINVAL, -ENOMEM or what open() gave, with a text. */
int config_load(const char *path, struct wiremap_config **config_r, struct config_error *error_r);
/* The same from memory; `path` only names it in messages. */
int config_parse(const char *path, const char *text, struct wiremap_config **config_r,
		 struct config_error *error_r);
void config_free(struct wiremap_config **config);

/* Whether everything that wiremapd cannot do without is there: volumes, users, a core, a port, an
 * address, a listener. 0 or -EINVAL. The tools do with less. */
int config_serves(const struct wiremap_config *config, struct config_error *error_r);

/* Writes "file:line: " and the text to *error_r, without the line if it is 0; -EINVAL. */
__attribute__((format(printf, 4, 5))) int config_refuse(const struct wiremap_config *config,
							unsigned line, struct config_error *error_r,
							const char *format, ...);

#endif
