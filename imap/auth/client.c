/* SPDX-License-Identifier: Apache-2.0 */
#include "auth.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

enum {
	/* Helpers hash side by side; a login takes tens of milliseconds of one CPU in each. */
	HELPERS = 2,
	/* A helper that says nothing for so long is taken for stuck: seconds. */
	ANSWER_S_MAX = 30,
};

struct helper {
	pthread_mutex_t lock; /* one question at a time; workers only, never a dataplane core */
	int socket;
	pid_t pid;
	bool lost; /* it died, or missed an answer; under the lock */
};

struct auth {
	struct helper helpers[HELPERS];
	unsigned next; /* where the search for a free helper starts, relaxed */
	struct log *log;
};

static int helper_start(struct helper *helper, struct helper_config config)
{
	const struct timeval limit = {.tv_sec = ANSWER_S_MAX};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	helper->pid = fork();
	if (helper->pid < 0) {
		int status = -errno;

		close(ends[0]);
		close(ends[1]);
		return status;
	}
	if (helper->pid == 0) {
		config.socket = ends[1];
		helper_run(&config);
	}
	close(ends[1]);
	helper->socket = ends[0];
	setsockopt(helper->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return -pthread_mutex_init(&helper->lock, NULL);
}

int auth_start(const char *users_path, uid_t uid, gid_t gid, struct log *log, struct auth **auth_r)
{
	const struct helper_config config = {users_path, uid, gid, -1};
	struct auth *auth = calloc(1, sizeof(*auth));
	int status = 0;

	if (auth == NULL)
		return -ENOMEM;
	auth->log = log;
	for (unsigned k = 0; k < HELPERS; k++)
		auth->helpers[k].socket = -1;
	for (unsigned k = 0; k < HELPERS && status == 0; k++)
		status = helper_start(&auth->helpers[k], config);
	if (status != 0)
		auth_stop(&auth);
	*auth_r = auth;
	return status;
}

void auth_stop(struct auth **auth)
{
	if (*auth == NULL)
		return;
	for (unsigned k = 0; k < HELPERS; k++) {
		struct helper *helper = &(*auth)->helpers[k];

		if (helper->socket >= 0) {
			close(helper->socket);
			while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
	}
	free(*auth);
	*auth = NULL;
}

/* A free helper if there is one, else the next in turn that is not lost. Returns it locked; NULL:
 * all of them are lost. */
static struct helper *helper_lock(struct auth *auth)
{
	unsigned start = __atomic_fetch_add(&auth->next, 1, __ATOMIC_RELAXED);

	for (unsigned k = 0; k < 2 * HELPERS; k++) {
		struct helper *helper = &auth->helpers[(start + k) % HELPERS];

		if (k >= HELPERS)
			pthread_mutex_lock(&helper->lock);
		else if (pthread_mutex_trylock(&helper->lock) != 0)
			continue;
		if (!helper->lost)
			return helper;
		pthread_mutex_unlock(&helper->lock);
	}
	return NULL;
}

/* A helper that missed its answer is out of step: whatever it says next is of an old question. No
 * other can be forked once EAL has begun. */
static void helper_give_up(struct auth *auth, struct helper *helper)
{
	helper->lost = true;
	log_line(auth->log, LOG_LEVEL_ERROR,
		 "one of %d auth helpers, pid %d, does not answer and is left out: restart the "
		 "server",
		 (int)HELPERS, (int)helper->pid);
	shutdown(helper->socket, SHUT_RDWR);
}

static bool helper_ask(const struct helper *helper, const struct helper_request *packet,
		       struct helper_answer *answer_r)
{
	ssize_t n = send(helper->socket, packet, sizeof(*packet), MSG_NOSIGNAL);

	if (n != (ssize_t)sizeof(*packet))
		return false;
	do {
		n = recv(helper->socket, answer_r, sizeof(*answer_r), 0);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*answer_r);
}

enum auth_status auth_verify(struct auth *auth, struct auth_request *request)
{
	struct helper_answer answer = {.status = AUTH_UNAVAILABLE};
	struct helper_request packet = {0};
	struct helper *helper;
	bool answered = false;

	memcpy(packet.name, request->name, sizeof(packet.name));
	memcpy(packet.password, request->password, sizeof(packet.password));
	memcpy(packet.peer, request->peer, sizeof(packet.peer));
	explicit_bzero(request->password, sizeof(request->password));
	while (!answered && (helper = helper_lock(auth)) != NULL) {
		answered = helper_ask(helper, &packet, &answer);
		if (!answered)
			helper_give_up(auth, helper);
		pthread_mutex_unlock(&helper->lock);
	}
	explicit_bzero(&packet, sizeof(packet));
	if (!answered)
		return AUTH_UNAVAILABLE;
	memcpy(request->account, answer.account, sizeof(request->account));
	return (enum auth_status)answer.status;
}
