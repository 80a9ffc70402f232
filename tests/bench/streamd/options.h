/* SPDX-License-Identifier: Apache-2.0 */
/* What streamd is told on its command line; main.c says what it is. */
#ifndef STREAMD_OPTIONS_H
#define STREAMD_OPTIONS_H

#include "loop.h"

enum role {
	ROLE_SERVE,   /* the services of services.h */
	ROLE_LOAD,    /* a client of them */
	ROLE_SEND,    /* frames without a TCP, to ROLE_RECEIVE */
	ROLE_RECEIVE, /* counts them */
	ROLE_REFLECT, /* gives every frame back */
	ROLE_ASK,     /* to ROLE_REFLECT: keeps so many small frames on their way, counts them */
};

enum scenario {
	SCENARIO_RR,   /* one 64-byte question of each connection on its way, echoed */
	SCENARIO_BULK, /* each connection receives without end */
	SCENARIO_CONN, /* open, request, close */
	SCENARIO_IDLE, /* connections stay; then each has one question answered */
	SCENARIOS,
};

enum { OPTIONS_EAL_MAX = 16 };

struct options {
	enum role role;
	const char *vdev, *device;
	uint32_t address; /* host order */
	uint8_t prefix;
	unsigned addresses_n; /* so many, from `address` upwards */
	uint32_t gateway;     /* host order; 0: none */
	unsigned cpu;
	unsigned mtu, tx_descriptors; /* 0: the port's own */
	bool tso;
	const char *file;
	bool spread; /* over the file: where connections begin to read it */
	unsigned connections;
	unsigned receive_kb, send_kb, packet_mb, time_wait;
	enum tcp_congestion congestion;
	enum loop_idle idle;
	unsigned seconds; /* 0: until a signal */
	const char *stats;

	uint32_t server; /* host order */
	enum scenario scenario;
	bool server_closes;   /* tcp-conn: who does so first */
	unsigned outstanding; /* questions, or connections, on their way at once; 0: no limit */
	unsigned rate_per_s;  /* tcp-conn: openings; 0: as many as go */
	unsigned flood_per_s; /* forged SYNs beside them */
	uint8_t server_mac[6];
	unsigned warmup_ms;
	const char *json;
	bool copy; /* ROLE_SEND fills its frames from the file */

	unsigned memory_mb;
	bool no_huge;
	const char *eal[OPTIONS_EAL_MAX];
	unsigned eal_n;
};

/* -1: go on; else what main() shall return. */
int options_read(struct options *options_r, int argc, char **argv);

const char *options_scenario_name(enum scenario scenario);

#endif
