/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum sockets_limits {
	SOCKETS_READ_BYTES = 1 << 18, /* of one read; the engine takes them at once */
	SOCKETS_EVENTS = 256,	      /* of one epoll_wait */
	SOCKETS_WAIT_MS = 5, /* between looks at the phase, which no descriptor announces */
};

struct socket {
	int fd; /* -1: free */
	uint32_t generation;
	bool connecting, aborted, due; /* due: in the list of those that shall produce */
	struct stream_session *session;
	uint16_t unsent_len, unsent_off;
	uint8_t unsent[STREAM_BUDGET_BYTES_MIN];
};

struct sockets {
	struct stream_transport transport;
	struct clock clock;
	struct load_engine *engine;
	struct sockaddr_in peer;
	int epoll;
	struct socket *table;
	uint32_t *due;
	unsigned table_n, due_n;
	pthread_t thread;
	bool started;
	_Atomic bool stop;
	_Atomic uint64_t busy_ns;
	uint8_t input[SOCKETS_READ_BYTES];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void clock_refresh(struct clock *clock)
{
	clock->mono_ns = now_ns();
}

/* --- Connections --- */

static struct stream_ref ref_of(const struct sockets *sockets, const struct socket *s)
{
	return (struct stream_ref){(uint32_t)(s - sockets->table), s->generation};
}

static void socket_close(struct sockets *sockets, struct socket *s, enum stream_reason reason)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};

	if (s->aborted)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(s->fd);
	s->fd = -1;
	s->generation++;
	if (s->session != NULL)
		s->session->ops->closed(&s->session, reason);
	else
		load_engine_connect_failed(sockets->engine, "refused");
}

static void socket_due(struct sockets *sockets, struct socket *s)
{
	if (s->due || s->fd < 0)
		return;
	ASSERT(sockets->due_n < sockets->table_n);
	s->due = true;
	sockets->due[sockets->due_n++] = (uint32_t)(s - sockets->table);
}

static struct socket *socket_find(struct stream_transport *transport, struct stream_ref ref)
{
	struct sockets *sockets = (struct sockets *)transport;
	struct socket *s = &sockets->table[ref.index];

	return s->fd >= 0 && s->generation == ref.generation ? s : NULL;
}

static void sockets_wake(struct stream_transport *transport, struct stream_ref ref)
{
	struct socket *s = socket_find(transport, ref);

	if (s != NULL)
		socket_due((struct sockets *)transport, s);
}

static void sockets_timer(struct stream_transport *transport, struct stream_ref ref, uint32_t ms)
{
	(void)transport, (void)ref, (void)ms; /* the engine sets none */
}

static void sockets_abort(struct stream_transport *transport, struct stream_ref ref)
{
	struct socket *s = socket_find(transport, ref);

	if (s == NULL)
		return;
	s->aborted = true;
	socket_due((struct sockets *)transport, s);
}

static struct stream_session *sockets_find(struct stream_transport *transport,
					   struct stream_ref ref)
{
	struct socket *s = socket_find(transport, ref);

	return s == NULL ? NULL : s->session;
}

static const struct stream_transport_ops sockets_ops = {
	.wake = sockets_wake,
	.timer = sockets_timer,
	.abort = sockets_abort,
	.find = sockets_find,
};

static int sockets_connect(struct load_engine *engine)
{
	struct sockets *sockets = engine->transport;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	struct socket *s = sockets->table;
	const int on = 1;

	while (s < sockets->table + sockets->table_n && (s->fd >= 0 || s->due))
		s++;
	if (s == sockets->table + sockets->table_n)
		return -EAGAIN;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	s->connecting = true;
	s->aborted = false;
	s->session = NULL;
	s->unsent_len = s->unsent_off = 0;
	event.data.u32 = (uint32_t)(s - sockets->table);
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((connect(s->fd, (struct sockaddr *)&sockets->peer, sizeof(sockets->peer)) != 0 &&
	     errno != EINPROGRESS) ||
	    epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, s->fd, &event) != 0) {
		int status = -errno;

		close(s->fd);
		s->fd = -1;
		return status;
	}
	return 0;
}

/* --- A turn --- */

static bool no_room(struct stream_out *out, size_t n)
{
	(void)out, (void)n;
	return false;
}

/* Sends what there is; false: the connection failed. */
static bool socket_flush(struct socket *s)
{
	while (s->unsent_off < s->unsent_len) {
		ssize_t n = send(s->fd, s->unsent + s->unsent_off,
				 (size_t)(s->unsent_len - s->unsent_off), MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		s->unsent_off = (uint16_t)(s->unsent_off + n);
	}
	s->unsent_off = s->unsent_len = 0;
	return true;
}

static void socket_produce(struct sockets *sockets, struct socket *s)
{
	const struct stream_budget budget = {sizeof(s->unsent), 1, 0};
	struct stream_out out = {
		.cur = s->unsent, .end = s->unsent + sizeof(s->unsent), .room = no_room};

	if (s->aborted) {
		socket_close(sockets, s, STREAM_ABORTED);
		return;
	}
	if (s->session == NULL)
		return;
	if (s->unsent_len == 0) {
		s->session->ops->produce(s->session, &out, &budget);
		s->unsent_len = (uint16_t)(out.cur - s->unsent);
	}
	if (!socket_flush(s))
		socket_close(sockets, s, STREAM_RESET);
}

static bool socket_established(struct sockets *sockets, struct socket *s)
{
	struct stream_info info = {.peer_port = ntohs(sockets->peer.sin_port)};
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
		socket_close(sockets, s, STREAM_REFUSED);
		return false;
	}
	s->connecting = false;
	if (sockets->engine->app.ops->open(&sockets->engine->app, &sockets->transport,
					   ref_of(sockets, s), &info, &s->session) != 0) {
		close(s->fd);
		s->fd = -1;
		s->generation++;
		return false;
	}
	return true;
}

/* Edge-triggered: reads until the socket is empty. */
static void socket_read(struct sockets *sockets, struct socket *s)
{
	for (;;) {
		ssize_t n = read(s->fd, sockets->input, sizeof(sockets->input));
		struct span in = {sockets->input, n > 0 ? (size_t)n : 0};

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) {
			socket_close(sockets, s, STREAM_RESET);
			return;
		}
		if (n == 0) {
			s->session->ops->end(s->session);
			s->aborted = true;
			socket_due(sockets, s);
			return;
		}
		ASSERT(s->session->ops->consume(s->session, &in, 1) == in.len);
		socket_due(sockets, s);
		if (in.len < sizeof(sockets->input))
			return;
	}
}

static void sockets_event(struct sockets *sockets, const struct epoll_event *event)
{
	struct socket *s = &sockets->table[event->data.u32];

	if (s->fd < 0)
		return;
	if (s->connecting && (event->events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) &&
	    !socket_established(sockets, s))
		return;
	if (s->connecting)
		return;
	if (event->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		socket_read(sockets, s);
	if (s->fd >= 0 && (event->events & EPOLLOUT))
		socket_due(sockets, s);
}

/* Those that become due meanwhile are looked at in this turn, too. */
static void sockets_produce(struct sockets *sockets)
{
	for (unsigned k = 0; k < sockets->due_n; k++) {
		struct socket *s = &sockets->table[sockets->due[k]];

		s->due = false;
		if (s->fd >= 0)
			socket_produce(sockets, s);
	}
	sockets->due_n = 0;
}

static void *sockets_run(void *arg)
{
	struct sockets *sockets = arg;
	struct epoll_event events[SOCKETS_EVENTS];
	uint64_t began, busy;

	while (!atomic_load_explicit(&sockets->stop, memory_order_acquire)) {
		int n = epoll_wait(sockets->epoll, events, SOCKETS_EVENTS, SOCKETS_WAIT_MS);

		began = now_ns();
		sockets->clock.mono_ns = began;
		for (int k = 0; k < n; k++)
			sockets_event(sockets, &events[k]);
		load_engine_turn(sockets->engine);
		sockets_produce(sockets);
		busy = atomic_load_explicit(&sockets->busy_ns, memory_order_relaxed);
		atomic_store_explicit(&sockets->busy_ns, busy + now_ns() - began,
				      memory_order_relaxed);
	}
	return NULL;
}

int sockets_create(struct load_engine *engine, uint32_t peer, uint16_t port,
		   struct sockets **sockets_r)
{
	struct sockets *sockets = calloc(1, sizeof(*sockets));

	if (sockets == NULL)
		return -ENOMEM;
	*sockets = (struct sockets){
		.transport.ops = &sockets_ops,
		.clock.refresh = clock_refresh,
		.engine = engine,
		.peer = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = peer},
		.table_n = engine->config.connections_max};
	sockets->epoll = epoll_create1(EPOLL_CLOEXEC);
	sockets->table = calloc(sockets->table_n, sizeof(*sockets->table));
	sockets->due = calloc(sockets->table_n, sizeof(*sockets->due));
	if (sockets->epoll < 0 || sockets->table == NULL || sockets->due == NULL) {
		sockets_destroy(&sockets);
		return -ENOMEM;
	}
	for (unsigned k = 0; k < sockets->table_n; k++)
		sockets->table[k].fd = -1;
	engine->clock = &sockets->clock;
	engine->connect = sockets_connect;
	engine->transport = sockets;
	*sockets_r = sockets;
	return 0;
}

int sockets_start(struct sockets *sockets, int cpu)
{
	pthread_attr_t attributes;
	cpu_set_t cpus;
	int status;

	pthread_attr_init(&attributes);
	if (cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET(cpu, &cpus);
		pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	status = pthread_create(&sockets->thread, &attributes, sockets_run, sockets);
	pthread_attr_destroy(&attributes);
	sockets->started = status == 0;
	return -status;
}

void sockets_destroy(struct sockets **sockets)
{
	struct sockets *s = *sockets;

	if (s->started) {
		atomic_store_explicit(&s->stop, true, memory_order_release);
		pthread_join(s->thread, NULL);
	}
	for (unsigned k = 0; s->table != NULL && k < s->table_n; k++)
		if (s->table[k].fd >= 0)
			close(s->table[k].fd);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->table);
	free(s->due);
	free(s);
	*sockets = NULL;
}

uint64_t sockets_busy_ns(const struct sockets *sockets)
{
	return atomic_load_explicit(&sockets->busy_ns, memory_order_relaxed);
}
