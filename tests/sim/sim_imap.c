/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IMAP engine on one of our TCPs, a client on another, and a lossy link between them, in
 * virtual time. Every literal must be byte-exact although the mailbox files are out of reach
 * whenever the session is not running (veil.h), and the client must get to its end.
 *
 *     sim_imap [--seeds N] [--first N] [--seed N]
 *
 * The first seed that fails prints itself; --seed N runs it alone, the same each time, and
 * prints every packet.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "eal.h"
#include "imap_client.h"
#include "jobs.h"
#include "link.h"
#include "session.h"
#include "veil.h"

enum { SEEDS = 200, MEMORY_MB = 192, PORT = 143, TURNS_MAX = 50000000 };

static const uint64_t time_max_ns = 7200ULL * 1000000000; /* virtual */

struct run {
	struct link link;
	struct jobs jobs;
	struct veil veil;
	struct session_engine *engine;
	struct imap_client client;
	bool failed_to_open;
};

static struct imap_mail mail;

static enum auth_status verify(struct auth *auth, struct auth_request *request)
{
	(void)auth;
	if (strcmp(request->name, "user") != 0 || strcmp(request->password, "password") != 0)
		return AUTH_DENIED;
	memcpy(request->account, mail.account, sizeof(request->account));
	return AUTH_OK;
}

static void engine_create(struct run *run)
{
	const struct session_config config = {.sessions_max = 4,
					      .command_bytes_max = 65536,
					      .command_buffers = 2,
					      .login_timeout_s = 3600,
					      .idle_timeout_s = 7200,
					      .plaintext_login = true,
					      .greeting = "ready",
					      .socket = -1};
	const struct session_env env = {.clock = &run->link.clock,
					.work = &run->jobs.port,
					.store = mail.store,
					.verify = verify};

	ASSERT(session_engine_create(&config, &env, &run->engine) == 0);
}

static void endpoint_create(struct run *run, unsigned which, uint64_t seed)
{
	static const char *const names[] = {"client", "server"};
	const struct tcp_config config = {
		.connections_max = 4,
		.listeners_max = 1,
		.syn_received_max = 4,
		.time_wait_max = 8,
		.receive_bytes_max = 16384U << (seed >> 3 * which) % 6,
		.send_bytes_max = 32768U << (seed >> 2) % 5,
		.packet_memory_bytes = 1 << 20,
		.quantum_ns = 50000,
		.congestion = TCP_CUBIC,
		.socket = -1,
		.secret = {1, 2, 3, (uint8_t)seed, (uint8_t)which},
		.name = names[which],
	};

	ASSERT(tcp_create(&config, &run->link.ends[which].env, &run->link.ends[which].tcp) == 0);
}

static void open_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	struct run *run = (struct run *)((uint8_t *)app - offsetof(struct run, client.app));

	(void)ref;
	(void)reason;
	run->failed_to_open = true;
}

static bool ended(const struct run *run)
{
	return run->client.state != IMAP_CLIENT_RUNNING || run->failed_to_open;
}

static uint64_t next_ns(const struct run *run)
{
	uint64_t link_ns = link_next_ns(&run->link), jobs_ns = jobs_next_ns(&run->jobs);

	return link_ns < jobs_ns ? link_ns : jobs_ns;
}

static void jobs_turn(struct run *run)
{
	if (jobs_next_ns(&run->jobs) > run->link.clock.mono_ns)
		return;
	veil_lift(&run->veil);
	jobs_run(&run->jobs);
	veil_draw(&run->veil);
}

static void turns(struct run *run)
{
	for (unsigned n = 0; n < TURNS_MAX && !ended(run); n++) {
		jobs_turn(run);
		if (link_turn(&run->link))
			continue;
		if (ended(run) || next_ns(run) > time_max_ns)
			return;
		if (next_ns(run) > run->link.clock.mono_ns)
			link_advance(&run->link, next_ns(run));
	}
}

/* What is still on its way to the engine is answered before it goes. */
static void run_destroy(struct run *run)
{
	for (unsigned i = 0; i < 2; i++)
		tcp_destroy(&run->link.ends[i].tcp);
	veil_lift(&run->veil);
	while (jobs_next_ns(&run->jobs) != UINT64_MAX) {
		run->link.clock.mono_ns = jobs_next_ns(&run->jobs);
		jobs_run(&run->jobs);
	}
	session_engine_destroy(&run->engine);
	while (jobs_next_ns(&run->jobs) != UINT64_MAX) {
		run->link.clock.mono_ns = jobs_next_ns(&run->jobs);
		jobs_run(&run->jobs);
	}
	imap_client_destroy(&run->client);
	link_destroy(&run->link);
}

static const char *verdict(const struct run *run)
{
	if (run->client.state == IMAP_CLIENT_DONE)
		return run->veil.drawn > 0 ? NULL : "the mailbox files were never out of reach";
	if (run->client.state == IMAP_CLIENT_FAILED)
		return run->client.why;
	return run->failed_to_open ? "no connection" : "no end";
}

static void report(const struct run *run, uint64_t seed, const char *wrong)
{
	struct tcp_stats stats;

	tcp_stats(run->link.ends[1].tcp, &stats);
	printf("seed %" PRIu64 ": %s (%" PRIu64 " ms, loss %u/10000, step %u, jobs %" PRIu64
	       ", maps hidden %" PRIu64 ")\n  server: segments %" PRIu64 " bytes %" PRIu64
	       " rto %" PRIu64 " fast %" PRIu64 " again %" PRIu64 " memory %" PRIu64 "\n",
	       seed, wrong == NULL ? "right" : wrong, run->link.clock.mono_ns / 1000000,
	       run->link.faults.loss, run->client.step, run->jobs.run, run->veil.drawn,
	       stats.segments_out, stats.bytes_out, stats.retransmit_timeout, stats.retransmit_fast,
	       stats.retransmit_segments, stats.memory_dropped);
}

/* Returns whether the seed came through. */
static bool seed_run(uint64_t seed, bool verbose)
{
	static struct run run;
	static bool first = true;
	struct link_faults faults = link_faults_of(seed);
	struct stream_ref ref;
	const char *wrong;

	memset(&run, 0, sizeof(run));
	link_create(&run.link, seed, &faults);
	run.link.trace = verbose;
	jobs_create(&run.jobs, &run.link.clock, seed);
	engine_create(&run);
	veil_create(&run.veil, session_engine_app(run.engine), mail.directory);
	imap_client_create(&run.client, &mail, seed);
	for (unsigned i = 0; i < 2; i++)
		endpoint_create(&run, i, seed);
	ASSERT(tcp_listen(run.link.ends[1].tcp, run.link.ends[1].addr, PORT, &run.veil.app) == 0);
	ASSERT(tcp_connect(run.link.ends[0].tcp, run.link.ends[0].addr, 0, run.link.ends[1].addr,
			   PORT, &run.client.app, open_failed, &ref) == 0);
	turns(&run);
	wrong = verdict(&run);
	if (wrong == NULL && first && !veil_holds(&run.veil))
		wrong = "the mailbox files were within reach";
	first = false;
	if (verbose || wrong != NULL)
		report(&run, seed, wrong);
	run_destroy(&run);
	return wrong == NULL;
}

int main(int argc, char **argv)
{
	uint64_t seeds = SEEDS, first = 1;
	bool verbose = false;
	int status = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 0);

		if (strcmp(argv[i], "--seeds") == 0) {
			seeds = value;
		} else if (strcmp(argv[i], "--first") == 0) {
			first = value;
		} else if (strcmp(argv[i], "--seed") == 0) {
			first = value;
			seeds = 1;
			verbose = true;
		}
	}
	if (eal_start(MEMORY_MB) != 0)
		return 1;
	imap_mail_create(&mail, 1);
	for (uint64_t seed = first; seed < first + seeds && status == 0; seed++) {
		if (seed_run(seed, verbose))
			continue;
		printf("replay: sim_imap --seed %" PRIu64 "\n", seed);
		status = 1;
	}
	imap_mail_destroy(&mail);
	if (status == 0)
		printf("%" PRIu64 " seeds right\n", seeds);
	return status;
}
