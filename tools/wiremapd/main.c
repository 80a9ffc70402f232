/* SPDX-License-Identifier: Apache-2.0 */
/* wiremapd: the IMAP server. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "ready.h"
#include "server.h"

struct options {
	const char *config;
	int ready_fd; /* -1: none */
	bool check;
};

static const char usage[] =
	"usage: wiremapd --config FILE [--check] [--ready-fd N]\n"
	"\n"
	"  --config FILE   the configuration (YAML)\n"
	"  --check         checks it, with users and volumes, prints OK, and ends\n"
	"  --ready-fd N    writes \"ready\" to this descriptor once clients can connect\n"
	"  --version, --help\n";

static bool descriptor_read(const char *text, int *fd_r)
{
	char *end;
	long value = strtol(text, &end, 10);

	*fd_r = (int)value;
	return *text != '\0' && *end == '\0' && value >= 0 && value < 1 << 20;
}

/* 0: go on; else what main() shall return, plus one. */
static int options_read(int argc, char **argv, struct options *options_r)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'},   {"check", no_argument, NULL, 'k'},
		{"ready-fd", required_argument, NULL, 'r'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},	    {0},
	};
	bool good = true;
	int found;

	*options_r = (struct options){.ready_fd = -1};
	while (good && (found = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (found) {
		case 'c':
			options_r->config = optarg;
			break;
		case 'k':
			options_r->check = true;
			break;
		case 'r':
			good = descriptor_read(optarg, &options_r->ready_fd);
			break;
		case 'V':
			puts("wiremapd " WIREMAP_VERSION);
			return 1 + EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return 1 + EXIT_SUCCESS;
		default:
			good = false;
		}
	}
	if (good && options_r->config != NULL && optind == argc)
		return 0;
	fputs(usage, stderr);
	return 1 + EXIT_FAILURE;
}

static void announce(struct server *server, int ready_fd)
{
	for (unsigned k = 0; k < server->wires.ports_n; k++)
		log_line(&server->log.log, LOG_LEVEL_INFO, "port %s (%s), MTU %u",
			 server->wires.devices[k], port_driver(server->wires.ports[k]),
			 port_mtu(server->wires.ports[k]));
	log_line(&server->log.log, LOG_LEVEL_INFO, "Ready: %u cores, %u listeners",
		 loop_cores(server->loop), server->config->listen.n);
	ready_notify("READY=1");
	ready_tell(ready_fd);
}

int main(int argc, char **argv)
{
	struct options options;
	struct control control;
	struct server server;
	int status = options_read(argc, argv, &options);

	if (status != 0)
		return status - 1;
	if (options.check)
		return server_check(options.config) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	status = control_open(&control);
	if (status != 0) {
		fprintf(stderr, "wiremapd: signals: %s\n", strerror(-status));
		return EXIT_FAILURE;
	}
	status = server_prepare(&server, options.config);
	if (status == 0)
		status = control_listen(&control, &server);
	if (status == 0)
		status = server_run(&server);
	if (status == 0) {
		announce(&server, options.ready_fd);
		control_run(&control, &server);
	}
	control_close(&control);
	server_stop(&server);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
