/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"wiremap-load --server ADDRESS[:PORT] --user NAME --password WORD [options]\n"
	"\n"
	"Opens IMAP connections, asks the same thing again and again, and says how fast the\n"
	"answers came. Ends by itself.\n"
	"\n"
	"  --server ADDRESS[:PORT]   IPv4 address of the server; port 143\n"
	"  --user, --password        LOGIN with these\n"
	"  --mailbox NAME            EXAMINE this one (INBOX)\n"
	"  --scenario NAME[,NAME]    header-sync, envelope, bodies, idle (header-sync,bodies)\n"
	"  --connections N[,N...]    one run with each number (64)\n"
	"  --seconds N               measured time of a run (5)\n"
	"  --warmup-ms N             before it (500)\n"
	"  --seed N                  decides which messages `bodies` asks for (1)\n"
	"  --json FILE               also writes the results there, an array of objects\n"
	"  --cpu N                   runs on this CPU (1)\n"
	"  --server-cpu N            reports how busy this CPU was as busy_server\n"
	"\n"
	"Either through the kernel's TCP:\n"
	"  --sockets\n"
	"or through Wiremap's own, over a DPDK device:\n"
	"  --local ADDRESS/PREFIX    its own address\n"
	"  --vdev ARGUMENTS          an EAL --vdev, e.g. net_vhost0,iface=/tmp/wire.sock\n"
	"  --device NAME             the port; the vdev's name if not given\n"
	"  --mtu N, --memory-mb N, --no-huge, --eal ARGUMENT (as often as needed)\n";

enum option_number {
	OPT_SERVER = 256,
	OPT_USER,
	OPT_PASSWORD,
	OPT_MAILBOX,
	OPT_SCENARIO,
	OPT_CONNECTIONS,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_SEED,
	OPT_JSON,
	OPT_CPU,
	OPT_SERVER_CPU,
	OPT_SOCKETS,
	OPT_LOCAL,
	OPT_VDEV,
	OPT_DEVICE,
	OPT_MTU,
	OPT_MEMORY,
	OPT_NO_HUGE,
	OPT_EAL,
};

static const struct option_name {
	const char *name;
	enum option_number option;
	bool value;
} names[] = {
	{"server", OPT_SERVER, true},	  {"user", OPT_USER, true},
	{"password", OPT_PASSWORD, true}, {"mailbox", OPT_MAILBOX, true},
	{"scenario", OPT_SCENARIO, true}, {"connections", OPT_CONNECTIONS, true},
	{"seconds", OPT_SECONDS, true},	  {"warmup-ms", OPT_WARMUP, true},
	{"seed", OPT_SEED, true},	  {"json", OPT_JSON, true},
	{"cpu", OPT_CPU, true},		  {"server-cpu", OPT_SERVER_CPU, true},
	{"sockets", OPT_SOCKETS, false},  {"local", OPT_LOCAL, true},
	{"vdev", OPT_VDEV, true},	  {"device", OPT_DEVICE, true},
	{"mtu", OPT_MTU, true},		  {"memory-mb", OPT_MEMORY, true},
	{"no-huge", OPT_NO_HUGE, false},  {"eal", OPT_EAL, true},
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *number_r)
{
	char *end;

	*number_r = strtoull(text, &end, 10);
	return end != text && *end == '\0' && text[0] != '-' && *number_r >= min &&
	       *number_r <= max;
}

/* "ADDRESS" and what follows `separator`, a number; `other` if nothing does. */
static bool read_address(const char *text, char separator, uint64_t max, uint32_t *address_r,
			 uint64_t *other)
{
	char address[INET_ADDRSTRLEN];
	const char *at = strchr(text, separator);
	size_t len = at == NULL ? strlen(text) : (size_t)(at - text);
	struct in_addr in;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, &in) != 1)
		return false;
	*address_r = ntohl(in.s_addr);
	return at == NULL || read_number(at + 1, 1, max, other);
}

static bool read_scenarios(struct options *options, char *list)
{
	char *rest = NULL;

	memset(options->scenarios, 0, sizeof(options->scenarios));
	for (char *name = strtok_r(list, ",", &rest); name != NULL;
	     name = strtok_r(NULL, ",", &rest)) {
		enum load_scenario scenario = load_scenario_find(name);

		if (scenario == SCENARIOS)
			return false;
		options->scenarios[scenario] = true;
	}
	return true;
}

static bool read_connections(struct options *options, char *list)
{
	char *rest = NULL;

	options->connections_n = 0;
	for (char *word = strtok_r(list, ",", &rest); word != NULL;
	     word = strtok_r(NULL, ",", &rest)) {
		uint64_t number;

		if (options->connections_n == OPTIONS_STEPS_MAX ||
		    !read_number(word, 1, OPTIONS_CONNECTIONS_MAX, &number))
			return false;
		options->connections[options->connections_n++] = (unsigned)number;
	}
	return options->connections_n > 0;
}

static bool take_server(struct options *options, char *value)
{
	uint64_t number = options->server_port;

	if (!read_address(value, ':', 65535, &options->server, &number))
		return false;
	options->server_port = (uint16_t)number;
	return true;
}

static bool take_local(struct options *options, char *value)
{
	uint64_t number = options->prefix;

	if (!read_address(value, '/', 32, &options->local, &number))
		return false;
	options->prefix = (uint8_t)number;
	return true;
}

static bool take_eal(struct options *options, const char *value)
{
	if (options->eal_n == OPTIONS_EAL_MAX)
		return false;
	options->eal[options->eal_n++] = value;
	return true;
}

static bool take_number(struct options *options, enum option_number option, const char *value)
{
	uint64_t number;

	if (!read_number(value, 0, option == OPT_SEED ? UINT64_MAX : 1000000, &number))
		return false;
	switch (option) {
	case OPT_SECONDS:
		options->seconds = (unsigned)number;
		return number > 0;
	case OPT_WARMUP:
		options->warmup_ms = (unsigned)number;
		return true;
	case OPT_SEED:
		options->seed = number;
		return true;
	case OPT_CPU:
		options->cpu = (unsigned)number;
		return true;
	case OPT_SERVER_CPU:
		options->server_cpu = (int)number;
		return true;
	case OPT_MTU:
		options->mtu = (uint32_t)number;
		return true;
	default:
		options->memory_mb = (unsigned)number;
		return true;
	}
}

static bool take(struct options *options, enum option_number option, char *value)
{
	switch (option) {
	case OPT_SERVER:
		return take_server(options, value);
	case OPT_LOCAL:
		return take_local(options, value);
	case OPT_SCENARIO:
		return read_scenarios(options, value);
	case OPT_CONNECTIONS:
		return read_connections(options, value);
	case OPT_EAL:
		return take_eal(options, value);
	case OPT_USER:
		options->user = value;
		return true;
	case OPT_PASSWORD:
		options->password = value;
		return true;
	case OPT_MAILBOX:
		options->mailbox = value;
		return true;
	case OPT_JSON:
		options->json = value;
		return true;
	case OPT_VDEV:
		options->vdev = value;
		return true;
	case OPT_DEVICE:
		options->device = value;
		return true;
	case OPT_SOCKETS:
		return options->sockets = true;
	case OPT_NO_HUGE:
		return options->no_huge = true;
	default:
		return take_number(options, option, value);
	}
}

static int refuse(const char *what)
{
	fprintf(stderr, "wiremap-load: %s (see --help)\n", what);
	return 2;
}

/* What must be there, and what follows from what is there. */
static int check(struct options *options)
{
	static char device[64];

	if (options->server == 0)
		return refuse("--server is missing");
	if (options->user == NULL || options->password == NULL)
		return refuse("--user and --password are missing");
	if (strpbrk(options->user, "\"\\\r\n") || strpbrk(options->password, "\"\\\r\n") ||
	    strpbrk(options->mailbox, "\"\\\r\n"))
		return refuse("user, password and mailbox may not hold quotes, backslashes or "
			      "line ends");
	if (strlen(options->user) + strlen(options->password) > 400 ||
	    strlen(options->mailbox) > 400)
		return refuse("user, password or mailbox is too long");
	if (options->sockets)
		return -1;
	if (options->local == 0)
		return refuse("--local is missing; or say --sockets");
	if (options->vdev == NULL && options->device == NULL)
		return refuse("--vdev or --device is missing; or say --sockets");
	if (options->device == NULL) {
		snprintf(device, sizeof(device), "%.*s", (int)strcspn(options->vdev, ","),
			 options->vdev);
		options->device = device;
	}
	return -1;
}

int options_read(struct options *options, int argc, char **argv)
{
	struct option_name const *name;
	struct option longs[NAMES + 2] = {0};
	int found;

	*options = (struct options){
		.server_port = 143,
		.mailbox = "INBOX",
		.cpu = 1,
		.server_cpu = -1,
		.prefix = 24,
		.memory_mb = 256,
		.scenarios = {[SCENARIO_HEADER_SYNC] = true, [SCENARIO_BODIES] = true},
		.connections = {64},
		.connections_n = 1,
		.seconds = 5,
		.warmup_ms = 500,
		.seed = 1};
	for (unsigned k = 0; k < NAMES; k++) {
		longs[k].name = names[k].name;
		longs[k].has_arg = names[k].value ? required_argument : no_argument;
		longs[k].val = (int)names[k].option;
	}
	longs[NAMES] = (struct option){"help", no_argument, NULL, 'h'};
	while ((found = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (found == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (found < OPT_SERVER)
			return 2; /* getopt has said why */
		name = &names[found - OPT_SERVER];
		if (!take(options, name->option, optarg)) {
			fprintf(stderr, "wiremap-load: --%s: not a valid value: %s (see --help)\n",
				name->name, optarg);
			return 2;
		}
	}
	if (optind < argc)
		return refuse("arguments without an option");
	return check(options);
}
