/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IMAP engine on one of our TCPs, clients on another. Every literal must be byte-exact
 * although the mailbox files are out of reach whenever the session is not running (veil.h),
 * and the clients must get to their end.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "faults.h"
#include "imap_client.h"
#include "jobs.h"
#include "kind.h"
#include "session.h"
#include "state.h"
#include "veil.h"
#include "world.h"

enum { CLIENTS_MAX = VEIL_SESSIONS_MAX, PORT = 143, PORT_FIRST = 20000 };

static const uint64_t grace_ns = 1800 * 1000000000ULL; /* at the slowest rate */

struct play {
	struct world_script script; /* first */
	struct jobs jobs;
	struct veil veil;
	struct session_engine *engine;
	struct imap_client clients[CLIENTS_MAX];
	unsigned clients_n;
	struct world world;
};

static struct play play;
/* Made once for all runs of a process. */
static struct imap_mail mail;

static enum auth_status verify(struct auth *auth, struct auth_request *request)
{
	(void)auth;
	if (strcmp(request->name, "user") != 0 || strcmp(request->password, "password") != 0)
		return AUTH_DENIED;
	memcpy(request->account, mail.account, sizeof(request->account));
	return AUTH_OK;
}

static uint64_t play_next_ns(const struct world_script *script)
{
	(void)script;
	return jobs_next_ns(&play.jobs);
}

static void play_happen(struct world_script *script, struct world *world)
{
	(void)script;
	(void)world;
	veil_lift(&play.veil);
	jobs_run(&play.jobs);
	veil_draw(&play.veil);
}

static void engine_create(struct random *random)
{
	const struct session_config config = {.sessions_max = CLIENTS_MAX,
					      .command_bytes_max = 65536,
					      .command_buffers = CLIENTS_MAX,
					      .login_timeout_s = 3600,
					      .idle_timeout_s = 7200,
					      .plaintext_login = true,
					      .greeting = "ready",
					      .socket = -1};
	const struct session_env env = {.clock = &play.world.clock,
					.work = &play.jobs.port,
					.store = mail.store,
					.verify = verify};

	jobs_create(&play.jobs, &play.world.clock, random_next(random));
	ASSERT(session_engine_create(&config, &env, &play.engine) == 0);
	veil_create(&play.veil, session_engine_app(play.engine), mail.directory);
}

static void open_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	struct imap_client *client =
		(struct imap_client *)((uint8_t *)app - offsetof(struct imap_client, app));

	(void)ref;
	imap_client_lost(client, reason);
}

static void hosts_create(struct random *random, const struct link_config *link)
{
	struct world *world = &play.world;
	struct stream_ref ref;

	world->hosts_n = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct host_config config = faults_host(random, CLIENTS_MAX, link->mtu);

		host_create(&world->hosts[i], &world->link, &world->clock, random_split(random), i,
			    &config);
	}
	ASSERT(tcp_listen(world->hosts[1].tcp, world->hosts[1].addr, PORT, &play.veil.app) == 0);
	for (unsigned i = 0; i < play.clients_n; i++)
		ASSERT(tcp_connect(world->hosts[0].tcp, world->hosts[0].addr,
				   (uint16_t)(PORT_FIRST + i), world->hosts[1].addr, PORT,
				   &play.clients[i].app, open_failed, &ref) == 0);
}

static void play_create(struct kind_run *run)
{
	struct random random = {random_mix(run->seed ^ 0x696d6170)};
	struct world *world = &play.world;
	struct link_config link;

	if (mail.store == NULL)
		imap_mail_create(&mail, 1);
	memset(&play, 0, offsetof(struct play, world));
	play.script = (struct world_script){play_next_ns, play_happen};
	play.clients_n =
		random_once(&random, 3) ? (unsigned)random_between(&random, 2, CLIENTS_MAX) : 1;
	world_create(world, run->seed, run->loud, 1000000000 + random_below(&random, 1ULL << 50));
	link = faults_link(&random, world->clock.mono_ns);
	world->planted = run->planted;
	world_link(world, &link);
	engine_create(&random);
	for (unsigned i = 0; i < play.clients_n; i++)
		imap_client_create(&play.clients[i], &mail, &world->clock, random_next(&random));
	hosts_create(&random, &link);
	world->limit_ns = link.quiet_ns + 4 * 3600 * 1000000000ULL;
}

/* What is still on its way to the engine is answered before it goes. */
static void jobs_finish(void)
{
	veil_lift(&play.veil);
	while (jobs_next_ns(&play.jobs) != UINT64_MAX) {
		play.world.clock.mono_ns = jobs_next_ns(&play.jobs);
		jobs_run(&play.jobs);
	}
}

static void play_destroy(void)
{
	jobs_finish();
	session_engine_destroy(&play.engine);
	jobs_finish();
	for (unsigned i = 0; i < play.clients_n; i++)
		imap_client_destroy(&play.clients[i]);
}

/* Given up lawfully by either side. The server says nothing of one that it gives up before it has
 * seen the end of the handshake, and the client, which is to speak second, waits for keepalive. */
static bool excused(struct world *world, const struct imap_client *client)
{
	struct tcp_stats stats;

	tcp_stats(world->hosts[1].tcp, &stats);
	return link_excuses(&world->link, client->ended_ns) ||
	       (client->step == 0 && stats.timeouts > 0);
}

static void client_judge(struct world *world, const struct imap_client *client, unsigned number)
{
	struct journal *journal = &world->journal;
	const struct link *link = &world->link;

	if (client->state == IMAP_CLIENT_DONE &&
	    client->ended_ns > link->config.quiet_ns + grace_ns)
		journal_fail(journal, "client %u took too long on a clean path", number);
	if (client->state == IMAP_CLIENT_RUNNING)
		journal_fail(journal, "client %u has no end", number);
	if (client->state == IMAP_CLIENT_LOST && !excused(world, client))
		journal_fail(journal, "client %u: %s", number, client->why);
	if (client->state == IMAP_CLIENT_FAILED)
		journal_fail(journal, "client %u: %s", number, client->why);
}

bool kind_imap(struct kind_run *run)
{
	static bool untried = true;
	struct world *world = &play.world;
	bool right;

	play_create(run);
	world_run(world, &play.script, false);
	for (unsigned i = 0; i < play.clients_n; i++)
		client_judge(world, &play.clients[i], i);
	if (untried && play.veil.drawn > 0) {
		untried = false;
		if (!veil_holds(&play.veil))
			journal_fail(&world->journal, "the mailbox files were within reach");
	}
	for (unsigned i = 0; i < world->hosts_n; i++)
		invariant_rest(&world->hosts[i].invariant, world->hosts[i].tcp);
	right = kind_finish(run, world);
	veil_lift(&play.veil);
	if (right)
		play_destroy();
	return right;
}

void kind_imap_end(void)
{
	if (mail.store != NULL)
		imap_mail_destroy(&mail);
}
