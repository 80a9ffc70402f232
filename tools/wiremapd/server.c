/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "mailstore/mailstore.h"

static int say(struct server *server, int status, const char *text)
{
	if (status != 0)
		log_line(&server->log.log, LOG_LEVEL_ERROR, "%s", text);
	return status;
}

/* The configuration alone, with the names of users and CPUs that it mentions. */
static int config_read(const char *path, struct wiremap_config **config_r,
		       struct privileges *privileges_r, struct config_error *error)
{
	int status = config_load(path, config_r, error);

	if (status == 0)
		status = config_serves(*config_r, error);
	if (status == 0)
		status = wires_check(*config_r, error);
	if (status == 0)
		status = privileges_find(*config_r, privileges_r, error);
	if (status == 0)
		status = privileges_suffice(privileges_r, *config_r, error);
	return status;
}

static int user_count(const struct auth_user *user, void *users)
{
	(void)user;
	++*(unsigned *)users;
	return 0;
}

/* A password file that is not there yet, or broken, keeps nobody but its users out. */
static void users_look(struct server *server)
{
	struct auth_error error = {""};
	unsigned users = 0;

	if (auth_users_each(server->config->users, user_count, &users, &error) != 0)
		log_line(&server->log.log, LOG_LEVEL_WARNING, "nobody can log in: %s", error.text);
}

/* Takes the volumes' locks. As store_open(). */
static int volumes_open(struct server *server, struct store_error *error_r)
{
	const struct store_config config =
		mailstore_config((const char *const *)server->config->volumes.items,
				 server->config->volumes.n, &server->log.log);

	return store_open(&config, &server->store, error_r);
}

/* The helper forks before anything has threads; the store may start some. */
static int helpers_start(struct server *server)
{
	const struct wiremap_config *config = server->config;
	struct store_error error = {""};
	int status = auth_start(config->users, server->privileges.uid, server->privileges.gid,
				&server->log.log, &server->auth);

	if (status != 0) {
		log_line(&server->log.log, LOG_LEVEL_ERROR, "auth helper: %s", strerror(-status));
		return status;
	}
	return say(server, volumes_open(server, &error), error.text);
}

static struct tcp_config tcp_config_of(const struct wiremap_config *config)
{
	const struct config_tcp *tcp = &config->tcp;

	return (struct tcp_config){
		.connections_max = tcp->connections_max,
		.listeners_max = config->listen.n,
		.syn_received_max = tcp->syn_received_max,
		.source_syn_received_max = tcp->source_syn_received_max,
		.source_connections_max = tcp->source_connections_max,
		.source_syns_per_s = tcp->source_syns_per_s,
		.time_wait_max = tcp->time_wait_max,
		.receive_bytes_max = tcp->receive_bytes_max,
		.send_bytes_max = tcp->send_bytes_max,
		.packet_memory_bytes =
			tcp->packet_memory_mb > 4095 ? UINT32_MAX : tcp->packet_memory_mb << 20,
		.quantum_ns = tcp->quantum_us * 1000,
		.congestion = tcp->congestion == CONFIG_NEWRENO ? TCP_NEWRENO : TCP_CUBIC,
		.ecn = (enum tcp_ecn)tcp->ecn,
		.path_mtu_probing = tcp->path_mtu_probing == CONFIG_ON,
	};
}

static struct net_fragments fragments_of(const struct wiremap_config *config)
{
	const struct config_net *net = &config->net;

	if (net->fragments == CONFIG_FRAGMENTS_DROP)
		return (struct net_fragments){0};
	return (struct net_fragments){.held_max = net->fragments_max,
				      .timeout_ms = net->fragments_timeout_ms};
}

static int loop_make(struct server *server)
{
	const struct wiremap_config *config = server->config;
	const struct loop_config loop = {
		.cores = config->eal.cores.items,
		.cores_n = config->eal.cores.n,
		.queues = server->wires.queues,
		.queue_core = server->wires.queue_core,
		.queues_n = server->wires.queues_n,
		.addresses = server->wires.addresses,
		.addresses_n = server->wires.addresses_n,
		.fragments = fragments_of(config),
		.tcp = tcp_config_of(config),
		.idle = config->idle.mode == CONFIG_IDLE_POLL ? LOOP_IDLE_POLL : LOOP_IDLE_ADAPTIVE,
		.idle_spin_us = config->idle.spin_us,
		.idle_sleep_us = config->idle.sleep_us,
		.workers =
			{[WORK_STORE] = config->workers.store, [WORK_AUTH] = config->workers.auth},
		.worker_cpus = config->workers.cpus.items,
		.worker_cpus_n = config->workers.cpus.n,
		.log = &server->log.log,
		.core_start = engines_core_start,
		.core_stop = engines_core_stop,
		.arg = &server->engines,
	};
	struct port_error error = {""};

	server->engines = (struct engines){
		.config = config,
		.log = &server->log.log,
		.store = server->store,
		.auth = server->auth,
	};
	return say(server, loop_create(&loop, &server->loop, &error), error.text);
}

int server_prepare(struct server *server, const char *config_path)
{
	struct config_error error = {""};
	int status;

	*server = (struct server){.started_s = time(NULL)};
	daemon_log_init(&server->log, LOG_LEVEL_INFO);
	status = config_read(config_path, &server->config, &server->privileges, &error);
	if (status != 0)
		return say(server, status, error.text);
	server->log.log.level_max = (enum log_level)server->config->log.level;
	users_look(server);
	status = say(server, privileges_begin(&server->log.log), "cannot give up new privileges");
	if (status == 0)
		status = helpers_start(server);
	if (status == 0)
		status = say(server,
			     wires_open(server->config, &server->log.log, &server->wires, &error),
			     error.text);
	if (status == 0)
		status = loop_make(server);
	return status;
}

int server_run(struct server *server)
{
	int status = privileges_drop(&server->privileges, &server->log.log);

	if (status == 0)
		status = daemon_log_detach(&server->log);
	if (status == 0)
		status = loop_start(server->loop);
	if (status != 0) {
		daemon_log_attach(&server->log);
		log_line(&server->log.log, LOG_LEVEL_ERROR, "the cores do not start: %s",
			 strerror(-status));
	}
	return status;
}

void server_stop(struct server *server)
{
	if (server->loop != NULL) {
		loop_stop(server->loop, 0, 0);
		loop_join(server->loop);
	}
	daemon_log_attach(&server->log);
	loop_destroy(&server->loop);
	wires_close(&server->wires);
	store_close(&server->store);
	auth_stop(&server->auth);
	config_free(&server->config);
}

/* A server that runs on the volumes holds their locks; they are in order then. */
static int volumes_check(struct server *server)
{
	struct store_error error = {""};
	int status = volumes_open(server, &error);

	if (status == -EBUSY) {
		log_line(&server->log.log, LOG_LEVEL_INFO,
			 "volumes: not looked at, a server or tool is using them");
		return 0;
	}
	say(server, status, error.text);
	store_close(&server->store);
	return status;
}

int server_check(const char *config_path)
{
	struct server server = {0};
	struct config_error error = {""};
	struct auth_error auth_error = {""};
	unsigned users = 0;
	int status;

	daemon_log_init(&server.log, LOG_LEVEL_INFO);
	status = say(&server, config_read(config_path, &server.config, &server.privileges, &error),
		     error.text);
	if (status == 0)
		status = say(&server,
			     auth_users_each(server.config->users, user_count, &users, &auth_error),
			     auth_error.text);
	if (status == 0)
		status = volumes_check(&server);
	if (status == 0)
		printf("%s: OK: %u volumes, %u users, %u cores, %u ports\n", config_path,
		       server.config->volumes.n, users, server.config->eal.cores.n,
		       server.config->ports.n);
	config_free(&server.config);
	return status;
}
