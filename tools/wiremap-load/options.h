/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of wiremap-load, read and checked. */
#ifndef WIREMAP_LOAD_OPTIONS_H
#define WIREMAP_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

enum options_limits {
	OPTIONS_STEPS_MAX = 16, /* connection counts of one run */
	OPTIONS_EAL_MAX = 16,
	OPTIONS_CONNECTIONS_MAX = 1000000,
};

struct options {
	/* where to */
	uint32_t server; /* host order */
	uint16_t server_port;
	const char *user, *password, *mailbox;
	/* how */
	bool sockets;
	unsigned cpu;
	int server_cpu; /* whose /proc/stat line is the server's; -1: unknown */
	const char *vdev, *device;
	uint32_t local; /* host order */
	uint8_t prefix;
	uint32_t mtu;
	unsigned memory_mb;
	bool no_huge;
	const char *eal[OPTIONS_EAL_MAX];
	unsigned eal_n;
	/* what */
	bool scenarios[SCENARIOS];
	unsigned connections[OPTIONS_STEPS_MAX];
	unsigned connections_n;
	unsigned seconds, warmup_ms;
	uint64_t seed;
	const char *json; /* a file's name, or NULL */
};

/* Returns -1 to go on, or the program's exit status; says on stderr what was wrong. */
int options_read(struct options *options, int argc, char **argv);

#endif
