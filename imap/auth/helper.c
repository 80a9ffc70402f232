/* SPDX-License-Identifier: Apache-2.0 */
#include "helper.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hash.h"

/* An unknown user is hashed against this, at the default scheme's cost: the same time passes. */
static char dummy_hash[384 + 1];

/* What the helper keeps: its socket and the standard streams. Everything else is the server's. */
static void descriptors_close(int keep)
{
	if (keep > 3)
		close_range(3, (unsigned)keep - 1, 0);
	close_range((unsigned)keep + 1, ~0u, 0);
}

static bool privileges_drop(uid_t uid, gid_t gid)
{
	const struct rlimit none = {0, 0};

	/* A core file would hold passwords. */
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		return false;
	if (gid != 0 && (setgroups(0, NULL) != 0 || setgid(gid) != 0))
		return false;
	if (uid != 0 && setuid(uid) != 0)
		return false;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static enum auth_status answer(const struct helper_config *config,
			       const struct helper_request *request, uint8_t account_r[16])
{
	struct auth_user user;
	struct auth_error error;
	int found = auth_users_find(config->users_path, request->name, &user, &error);
	bool right;

	/* A missing file is -ENOENT too, but with a text. */
	if (found != 0 && (found != -ENOENT || error.text[0] != '\0'))
		return AUTH_UNAVAILABLE;
	right = hash_verify(request->password, found == 0 ? user.hash : dummy_hash);
	if (found == 0)
		memcpy(account_r, user.account, 16);
	explicit_bzero(&user, sizeof(user));
	return found == 0 && right ? AUTH_OK : AUTH_DENIED;
}

void helper_run(const struct helper_config *config)
{
	struct helper_request request;

	descriptors_close(config->socket);
	/* The terminal's Ctrl-C is for the server, which then closes the socket. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_NAME, "wiremap-auth");
	if (!privileges_drop(config->uid, config->gid) ||
	    auth_hash("no such user", NULL, dummy_hash) != 0)
		_exit(1);
	/* Set after the uid changes: changing it clears the setting. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct helper_answer reply = {0};
		ssize_t n = recv(config->socket, &request, sizeof(request), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(request))
			_exit(n == 0 ? 0 : 1);
		request.name[sizeof(request.name) - 1] = '\0';
		request.password[sizeof(request.password) - 1] = '\0';
		reply.status = (uint8_t)answer(config, &request, reply.account);
		explicit_bzero(&request, sizeof(request));
		if (send(config->socket, &reply, sizeof(reply), MSG_NOSIGNAL) !=
		    (ssize_t)sizeof(reply))
			_exit(1);
	}
}
