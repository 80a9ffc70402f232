/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <rte_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"streamd --vdev ARGUMENTS --address ADDRESS/PREFIX [options]\n"
	"\n"
	"Plain byte streams on Wiremap's loop and TCP, without any mail. Services:\n"
	"  port 7    echoes\n"
	"  port 9    discards\n"
	"  port 19   answers each line \"N\\n\" with N bytes of the file\n"
	"  port 20   answers one such line and closes\n"
	"  port 21   answers such lines; the peer closes first\n"
	"\n"
	"  --role serve|load   (serve)\n"
	"  --role send|receive|reflect|ask   the wire alone, without TCP\n"
	"  --vdev ARGUMENTS          an EAL --vdev, e.g. net_virtio_user0,path=/tmp/wire.sock\n"
	"  --device NAME             the port; the vdev's name if not given\n"
	"  --address ADDRESS/PREFIX  its own address, --addresses N of them from there on\n"
	"  --gateway ADDRESS         to other networks\n"
	"  --core N                  runs on this CPU (0)\n"
	"  --mtu N, --tx-descriptors N, --tso   of the port\n"
	"  --file PATH               what port 19 to 21 send, mapped; 1 MiB of a pattern if not "
	"given\n"
	"  --spread                  each connection begins to read it at a place of its own\n"
	"  --connections N           at most; load: exactly (4096)\n"
	"  --receive-kb N, --send-kb N   largest window and send buffer of one (1024, 1024)\n"
	"  --packet-mb N             packet memory (64)\n"
	"  --time-wait N             connections in TIME_WAIT (65536)\n"
	"  --congestion newreno|cubic\n"
	"  --idle poll|adaptive      (poll)\n"
	"  --seconds N               ends by itself; load: measured time (until SIGTERM; 5)\n"
	"  --stats FILE              counters as JSON, each second and at the end\n"
	"  --memory-mb N, --no-huge, --eal ARGUMENT (as often as needed)\n"
	"\n"
	"load:\n"
	"  --server ADDRESS\n"
	"  --scenario rr|bulk|conn|idle\n"
	"  --outstanding N           questions, or in conn and idle openings, on their way (all)\n"
	"  --closes server|load      first, in conn (server)\n"
	"  --rate N                  openings a second, in conn (as many as go)\n"
	"  --flood N, --server-mac MAC   as many forged SYNs a second beside them\n"
	"  --warmup-ms N             before what is measured (500)\n"
	"  --json FILE               writes the result there\n"
	"send:\n"
	"  --copy                    fills each frame from the file\n";

enum option_number {
	OPT_ROLE = 256,
	OPT_VDEV,
	OPT_DEVICE,
	OPT_ADDRESS,
	OPT_ADDRESSES,
	OPT_GATEWAY,
	OPT_CORE,
	OPT_MTU,
	OPT_TX,
	OPT_TSO,
	OPT_FILE,
	OPT_SPREAD,
	OPT_CONNECTIONS,
	OPT_RECEIVE_KB,
	OPT_SEND_KB,
	OPT_PACKET_MB,
	OPT_TIME_WAIT,
	OPT_CONGESTION,
	OPT_IDLE,
	OPT_SECONDS,
	OPT_STATS,
	OPT_SERVER,
	OPT_SCENARIO,
	OPT_OUTSTANDING,
	OPT_CLOSES,
	OPT_RATE,
	OPT_FLOOD,
	OPT_SERVER_MAC,
	OPT_WARMUP,
	OPT_JSON,
	OPT_COPY,
	OPT_MEMORY,
	OPT_NO_HUGE,
	OPT_EAL,
};

static const struct option names[] = {
	{"role", required_argument, NULL, OPT_ROLE},
	{"vdev", required_argument, NULL, OPT_VDEV},
	{"device", required_argument, NULL, OPT_DEVICE},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"addresses", required_argument, NULL, OPT_ADDRESSES},
	{"gateway", required_argument, NULL, OPT_GATEWAY},
	{"core", required_argument, NULL, OPT_CORE},
	{"mtu", required_argument, NULL, OPT_MTU},
	{"tx-descriptors", required_argument, NULL, OPT_TX},
	{"tso", no_argument, NULL, OPT_TSO},
	{"file", required_argument, NULL, OPT_FILE},
	{"spread", no_argument, NULL, OPT_SPREAD},
	{"connections", required_argument, NULL, OPT_CONNECTIONS},
	{"receive-kb", required_argument, NULL, OPT_RECEIVE_KB},
	{"send-kb", required_argument, NULL, OPT_SEND_KB},
	{"packet-mb", required_argument, NULL, OPT_PACKET_MB},
	{"time-wait", required_argument, NULL, OPT_TIME_WAIT},
	{"congestion", required_argument, NULL, OPT_CONGESTION},
	{"idle", required_argument, NULL, OPT_IDLE},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"stats", required_argument, NULL, OPT_STATS},
	{"server", required_argument, NULL, OPT_SERVER},
	{"scenario", required_argument, NULL, OPT_SCENARIO},
	{"outstanding", required_argument, NULL, OPT_OUTSTANDING},
	{"closes", required_argument, NULL, OPT_CLOSES},
	{"rate", required_argument, NULL, OPT_RATE},
	{"flood", required_argument, NULL, OPT_FLOOD},
	{"server-mac", required_argument, NULL, OPT_SERVER_MAC},
	{"warmup-ms", required_argument, NULL, OPT_WARMUP},
	{"json", required_argument, NULL, OPT_JSON},
	{"copy", no_argument, NULL, OPT_COPY},
	{"memory-mb", required_argument, NULL, OPT_MEMORY},
	{"no-huge", no_argument, NULL, OPT_NO_HUGE},
	{"eal", required_argument, NULL, OPT_EAL},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const char *const role_names[] = {"serve",   "load", "send", "receive",
					 "reflect", "ask",  NULL};
static const char *const scenario_names[] = {"rr", "bulk", "conn", "idle", NULL};
static const char *const congestion_names[] = {"newreno", "cubic", NULL};
static const char *const idle_names[] = {"poll", "adaptive", NULL};
static const char *const closes_names[] = {"load", "server", NULL};

const char *options_scenario_name(enum scenario scenario)
{
	return scenario_names[scenario];
}

static bool number(const char *text, unsigned min, unsigned max, unsigned *number_r)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number_r = (unsigned)value;
	return end != text && *end == '\0' && text[0] != '-' && value >= min && value <= max;
}

static bool word(const char *text, const char *const *words, unsigned *number_r)
{
	*number_r = 0;
	while (words[*number_r] != NULL && strcmp(words[*number_r], text) != 0)
		++*number_r;
	return words[*number_r] != NULL;
}

static bool ip(const char *text, uint32_t *ip_r)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*ip_r = ntohl(in.s_addr);
	return true;
}

static bool mac(const char *text, uint8_t mac_r[6])
{
	struct rte_ether_addr address;

	if (rte_ether_unformat_addr(text, &address) != 0)
		return false;
	memcpy(mac_r, address.addr_bytes, sizeof(address.addr_bytes));
	return true;
}

static bool address(struct options *options, const char *text)
{
	char copy[INET_ADDRSTRLEN + 4], *slash;
	unsigned prefix;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	if (!number(slash + 1, 1, 32, &prefix))
		return false;
	options->prefix = (uint8_t)prefix;
	return ip(copy, &options->address);
}

/* What is a word of a list, an address, or the EAL's; the rest is take_number()'s. */
static bool take(struct options *o, int option, const char *value)
{
	unsigned n = 0;
	bool good = true;

	switch (option) {
	case OPT_ROLE:
		good = word(value, role_names, &n);
		o->role = n;
		return good;
	case OPT_SCENARIO:
		good = word(value, scenario_names, &n);
		o->scenario = n;
		return good;
	case OPT_CONGESTION:
		good = word(value, congestion_names, &n);
		o->congestion = n;
		return good;
	case OPT_IDLE:
		good = word(value, idle_names, &n);
		o->idle = n;
		return good;
	case OPT_CLOSES:
		good = word(value, closes_names, &n);
		o->server_closes = n == 1;
		return good;
	case OPT_ADDRESS:
		return address(o, value);
	case OPT_GATEWAY:
		return ip(value, &o->gateway);
	case OPT_SERVER:
		return ip(value, &o->server);
	case OPT_SERVER_MAC:
		return mac(value, o->server_mac);
	case OPT_TSO:
		return o->tso = true;
	case OPT_SPREAD:
		return o->spread = true;
	case OPT_COPY:
		return o->copy = true;
	case OPT_NO_HUGE:
		return o->no_huge = true;
	case OPT_EAL:
		if (o->eal_n < OPTIONS_EAL_MAX)
			o->eal[o->eal_n++] = value;
		return o->eal_n < OPTIONS_EAL_MAX;
	default:
		return false;
	}
}

static bool take_path(struct options *o, int option, const char *value)
{
	const char **at = option == OPT_VDEV	 ? &o->vdev
			  : option == OPT_DEVICE ? &o->device
			  : option == OPT_FILE	 ? &o->file
			  : option == OPT_STATS	 ? &o->stats
			  : option == OPT_JSON	 ? &o->json
						 : NULL;

	if (at != NULL)
		*at = value;
	return at != NULL;
}

static bool take_number(struct options *o, int option, const char *value)
{
	const struct {
		int option;
		unsigned *at, min, max;
	} numbers[] = {
		{OPT_ADDRESSES, &o->addresses_n, 1, NET_ADDRESSES_MAX},
		{OPT_CORE, &o->cpu, 0, 4095},
		{OPT_MTU, &o->mtu, 68, 65535},
		{OPT_TX, &o->tx_descriptors, 1, 32768},
		{OPT_CONNECTIONS, &o->connections, 1, 1u << 24},
		{OPT_RECEIVE_KB, &o->receive_kb, 2, 1u << 20},
		{OPT_SEND_KB, &o->send_kb, 32, 1u << 20},
		{OPT_PACKET_MB, &o->packet_mb, 1, 4095},
		{OPT_TIME_WAIT, &o->time_wait, 1, 1u << 24},
		{OPT_SECONDS, &o->seconds, 1, 1u << 24},
		{OPT_OUTSTANDING, &o->outstanding, 1, 1u << 24},
		{OPT_RATE, &o->rate_per_s, 1, 1u << 30},
		{OPT_FLOOD, &o->flood_per_s, 1, 1u << 30},
		{OPT_WARMUP, &o->warmup_ms, 0, 1u << 24},
		{OPT_MEMORY, &o->memory_mb, 1, 1u << 20},
	};

	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
		if (numbers[k].option == option)
			return number(value, numbers[k].min, numbers[k].max, numbers[k].at);
	return false;
}

static bool complete(struct options *options, int argc)
{
	bool tcp = options->role == ROLE_SERVE || options->role == ROLE_LOAD;

	if (options->seconds == 0 && (options->role == ROLE_LOAD || options->role == ROLE_RECEIVE ||
				      options->role == ROLE_ASK))
		options->seconds = 5;
	if (options->device == NULL)
		options->device = options->vdev;
	return optind == argc && options->vdev != NULL && (options->address != 0 || !tcp) &&
	       (options->server != 0 || options->role != ROLE_LOAD);
}

int options_read(struct options *options_r, int argc, char **argv)
{
	bool good = true;
	int found;

	*options_r = (struct options){.addresses_n = 1,
				      .connections = 4096,
				      .receive_kb = 1024,
				      .send_kb = 1024,
				      .packet_mb = 64,
				      .time_wait = 65536,
				      .warmup_ms = 500,
				      .server_closes = true};
	while (good && (found = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (found == 'h') {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		good = found != '?' &&
		       (take_number(options_r, found, optarg) ||
			take_path(options_r, found, optarg) || take(options_r, found, optarg));
		if (!good && found != '?')
			fprintf(stderr, "streamd: %s: not so\n", argv[optind - 1]);
	}
	if (good && complete(options_r, argc))
		return -1;
	fputs("streamd: see --help\n", stderr);
	return EXIT_FAILURE;
}
