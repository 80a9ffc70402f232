/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"
#include "config.h"

#include <limits.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define BOOL(type, member, value)                                                                  \
	{                                                                                          \
		.name = #member, .kind = CONFIG_BOOL, .offset = offsetof(struct type, member),     \
		.standard = (value)                                                                \
	}
#define NUMBER(type, member, low, high, value)                                                     \
	{                                                                                          \
		.name = #member, .kind = CONFIG_NUMBER, .offset = offsetof(struct type, member),   \
		.min = (low), .max = (high), .standard = (value)                                   \
	}
#define CHOICE(type, member, names, value)                                                         \
	{                                                                                          \
		.name = #member, .kind = CONFIG_CHOICE, .offset = offsetof(struct type, member),   \
		.choices = (names), .standard = (value)                                            \
	}
#define TEXT(type, member, bytes, value)                                                           \
	{                                                                                          \
		.name = #member, .kind = CONFIG_TEXT, .offset = offsetof(struct type, member),     \
		.min = 1, .max = (bytes), .standard_text = (value)                                 \
	}
#define TEXTS(type, member, bytes)                                                                 \
	{                                                                                          \
		.name = #member, .kind = CONFIG_TEXTS, .offset = offsetof(struct type, member),    \
		.min = 1, .max = (bytes)                                                           \
	}
#define NUMBERS(type, member, low, high)                                                           \
	{                                                                                          \
		.name = #member, .kind = CONFIG_NUMBERS, .offset = offsetof(struct type, member),  \
		.min = (low), .max = (high)                                                        \
	}
#define GROUP(type, member)                                                                        \
	{                                                                                          \
		.name = #member, .kind = CONFIG_GROUP, .offset = offsetof(struct type, member),    \
		.group = &group_##member                                                           \
	}
#define GROUPS(type, member)                                                                       \
	{                                                                                          \
		.name = #member, .kind = CONFIG_GROUPS, .offset = offsetof(struct type, member),   \
		.group = &group_##member                                                           \
	}

enum {
	CPU_MAX = 4095,
	PATH_BYTES_MAX = PATH_MAX - 1,
	NAME_BYTES_MAX = 255,
	SECONDS_MAX = 7 * 24 * 3600,
};

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const congestions[] = {"newreno", "cubic", NULL};
static const char *const switches[] = {"off", "on", NULL};
static const char *const ecns[] = {"passive", "on", "off", NULL};
static const char *const fragment_fates[] = {"drop", "reassemble", NULL};
static const char *const idle_modes[] = {"adaptive", "poll", NULL};

static const struct config_key log_keys[] = {
	CHOICE(config_log, level, log_levels, CONFIG_LOG_INFO),
};
static const struct config_group group_log = {sizeof(struct config_log), CONFIG_NO_LINE, log_keys,
					      COUNT(log_keys)};

static const struct config_key eal_keys[] = {
	NUMBERS(config_eal, cores, 0, CPU_MAX),
	NUMBER(config_eal, memory_mb, 0, 1 << 20, 0),
	BOOL(config_eal, huge, true),
	BOOL(config_eal, in_memory, true),
	TEXT(config_eal, file_prefix, 63, NULL),
	BOOL(config_eal, single_file_segments, false),
	BOOL(config_eal, telemetry, false),
	TEXTS(config_eal, extra, 1023),
};
static const struct config_group group_eal = {sizeof(struct config_eal), CONFIG_NO_LINE, eal_keys,
					      COUNT(eal_keys)};

static const struct config_key ports_keys[] = {
	{.name = "device",
	 .kind = CONFIG_TEXT,
	 .offset = offsetof(struct config_port, device),
	 .min = 1,
	 .max = 63,
	 .needed = true},
	TEXT(config_port, args, 1023, NULL),
	NUMBER(config_port, queues, 1, 64, 1),
	NUMBERS(config_port, queue_cores, 0, 63),
	NUMBER(config_port, mtu, 0, 9600, 0),
	NUMBER(config_port, rx_descriptors, 0, 32768, 0),
	NUMBER(config_port, tx_descriptors, 0, 32768, 0),
	BOOL(config_port, tso, false),
	BOOL(config_port, checksum_offload, true),
	BOOL(config_port, rx_interrupts, true),
	BOOL(config_port, promiscuous, false),
};
static const struct config_group group_ports = {sizeof(struct config_port),
						offsetof(struct config_port, line), ports_keys,
						COUNT(ports_keys)};

static const struct config_key addresses_keys[] = {
	{.name = "ip",
	 .kind = CONFIG_NETWORK,
	 .offset = offsetof(struct config_address, ip),
	 .needed = true},
	TEXT(config_address, port, 63, NULL),
	NUMBER(config_address, vlan, 0, 4094, 0),
	{.name = "gateway", .kind = CONFIG_IP, .offset = offsetof(struct config_address, gateway)},
};
static const struct config_group group_addresses = {sizeof(struct config_address),
						    offsetof(struct config_address, line),
						    addresses_keys, COUNT(addresses_keys)};

static const struct config_key listen_keys[] = {
	{.name = "address", .kind = CONFIG_IP, .offset = offsetof(struct config_listen, address)},
	NUMBER(config_listen, port, 1, 65535, 143),
};
static const struct config_group group_listen = {sizeof(struct config_listen),
						 offsetof(struct config_listen, line), listen_keys,
						 COUNT(listen_keys)};

static const struct config_key net_keys[] = {
	CHOICE(config_net, fragments, fragment_fates, CONFIG_FRAGMENTS_DROP),
	NUMBER(config_net, fragments_max, 8, 1 << 16, 4096),
	NUMBER(config_net, fragments_timeout_ms, 100, 60000, 1000),
};
static const struct config_group group_net = {sizeof(struct config_net), CONFIG_NO_LINE, net_keys,
					      COUNT(net_keys)};

static const struct config_key tcp_keys[] = {
	NUMBER(config_tcp, connections_max, 1, 1 << 24, 16384),
	NUMBER(config_tcp, time_wait_max, 1, 1 << 24, 16384),
	NUMBER(config_tcp, syn_received_max, 1, 1 << 20, 4096),
	NUMBER(config_tcp, source_syn_received_max, 0, 1 << 20, 256),
	NUMBER(config_tcp, source_connections_max, 0, 1 << 24, 4096),
	NUMBER(config_tcp, source_syns_per_s, 0, 1000000, 10000),
	NUMBER(config_tcp, receive_bytes_max, 4096, 1 << 26, 4 << 20),
	NUMBER(config_tcp, send_bytes_max, 32768, 1 << 26, 4 << 20),
	NUMBER(config_tcp, packet_memory_mb, 1, 1 << 20, 64),
	CHOICE(config_tcp, congestion, congestions, CONFIG_CUBIC),
	CHOICE(config_tcp, ecn, ecns, CONFIG_ECN_PASSIVE),
	CHOICE(config_tcp, path_mtu_probing, switches, CONFIG_ON),
	NUMBER(config_tcp, quantum_us, 1, 1000, 50),
};
static const struct config_group group_tcp = {sizeof(struct config_tcp), CONFIG_NO_LINE, tcp_keys,
					      COUNT(tcp_keys)};

static const struct config_key idle_keys[] = {
	CHOICE(config_idle, mode, idle_modes, CONFIG_IDLE_ADAPTIVE),
	NUMBER(config_idle, spin_us, 0, 1000000, 50),
	NUMBER(config_idle, sleep_us, 1, 1000000, 500),
};
static const struct config_group group_idle = {sizeof(struct config_idle), CONFIG_NO_LINE,
					       idle_keys, COUNT(idle_keys)};

static const struct config_key workers_keys[] = {
	NUMBER(config_workers, store, 1, 256, 2),
	NUMBER(config_workers, auth, 1, 256, 2),
	NUMBERS(config_workers, cpus, 0, CPU_MAX),
};
static const struct config_group group_workers = {sizeof(struct config_workers), CONFIG_NO_LINE,
						  workers_keys, COUNT(workers_keys)};

static const struct config_key imap_keys[] = {
	NUMBER(config_imap, sessions_max, 1, 1 << 24, 16384),
	NUMBER(config_imap, command_bytes_max, 8192, 1 << 26, 65536),
	NUMBER(config_imap, command_buffers, 1, 1 << 20, 256),
	NUMBER(config_imap, login_timeout_s, 1, SECONDS_MAX, 60),
	/* RFC 9051 5.4 forbids less than half an hour. */
	NUMBER(config_imap, idle_timeout_s, 1800, SECONDS_MAX, 1800),
	BOOL(config_imap, plaintext_login, false),
	TEXT(config_imap, greeting, 200, "Wiremap ready."),
};
static const struct config_group group_imap = {sizeof(struct config_imap), CONFIG_NO_LINE,
					       imap_keys, COUNT(imap_keys)};

static const struct config_key root_keys[] = {
	TEXTS(wiremap_config, volumes, PATH_BYTES_MAX),
	TEXT(wiremap_config, users, PATH_BYTES_MAX, NULL),
	TEXT(wiremap_config, user, NAME_BYTES_MAX, NULL),
	TEXT(wiremap_config, group, NAME_BYTES_MAX, NULL),
	TEXT(wiremap_config, control_socket, 107, NULL), /* sun_path */
	TEXT(wiremap_config, stats_file, PATH_BYTES_MAX, NULL),
	GROUP(wiremap_config, log),
	GROUP(wiremap_config, eal),
	GROUPS(wiremap_config, ports),
	GROUPS(wiremap_config, addresses),
	GROUPS(wiremap_config, listen),
	GROUP(wiremap_config, net),
	GROUP(wiremap_config, tcp),
	GROUP(wiremap_config, idle),
	GROUP(wiremap_config, workers),
	GROUP(wiremap_config, imap),
};
const struct config_group config_root = {sizeof(struct wiremap_config), CONFIG_NO_LINE, root_keys,
					 COUNT(root_keys)};
