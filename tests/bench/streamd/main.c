/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streamd: plain byte streams on Wiremap's loop and TCP, without any mail. For benchmarks of the
 * TCP alone and for tests of it against Linux's.
 *
 *     streamd --vdev net_af_packet0,iface=veth0 --address 10.0.0.1/24 --no-huge --stats FILE
 *     printf '1000000\n' | nc 10.0.0.1 20 | wc -c
 *
 * says "ready" on its standard output when clients can connect, and serves until SIGTERM or
 * --seconds: port 7 echoes, 9 discards, 19 answers each line "N\n" with N bytes of --file (from
 * its beginning, on from where the last answer ended, and around), 20 answers one such line and
 * closes first, 21 answers and lets the peer close first. --stats writes the counters as JSON each
 * second and at the end. With --role load it is a client of these services at DPDK speed, with
 * the others the two ends of a bare wire. --help lists all options; tools/bench uses them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "file.h"
#include "frames.h"
#include "measure.h"
#include "serve.h"

static void write_line(struct log *log, enum log_level level, const char *line)
{
	(void)log, (void)level;
	fprintf(stderr, "streamd: %s\n", line);
}

static int play(const struct options *options, const struct wire *wire, struct span file,
		struct patience *patience, struct log *log)
{
	switch (options->role) {
	case ROLE_LOAD:
		return measure(options, wire, patience, log);
	case ROLE_SEND:
		return frames_send(options, wire, file, patience, log);
	case ROLE_RECEIVE:
		return frames_receive(options, wire, patience, log);
	case ROLE_REFLECT:
		return frames_reflect(options, wire, patience);
	case ROLE_ASK:
		return frames_ask(options, wire, patience, log);
	default:
		return serve(options, wire, file, patience, log);
	}
}

int main(int argc, char **argv)
{
	struct log log = {write_line, LOG_LEVEL_WARNING};
	struct span file = {NULL, 0};
	struct patience patience;
	struct options options;
	struct wire wire;
	int status = options_read(&options, argc, argv);

	if (status >= 0)
		return status;
	patience_open(&patience);
	status = file_map(options.file, &file);
	if (status != 0) {
		fprintf(stderr, "streamd: %s: %s\n", options.file, strerror(-status));
		return EXIT_FAILURE;
	}
	status = wire_open(&options, &log, &wire);
	if (status == 0) {
		status = play(&options, &wire, file, &patience, &log);
		wire_close(&wire);
	}
	file_unmap(&file);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
