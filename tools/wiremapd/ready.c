/* SPDX-License-Identifier: Apache-2.0 */
#include "ready.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void ready_notify(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t bytes = name == NULL ? 0 : strlen(name);
	int fd;

	if (bytes == 0 || bytes >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, name, bytes);
	if (to.sun_path[0] == '@') /* abstract (unix(7)) */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	ssize_t ignored = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes));
	(void)ignored;
	close(fd);
}

void ready_tell(int fd)
{
	static const char word[] = "ready\n";

	if (fd < 0)
		return;
	ssize_t ignored = write(fd, word, sizeof(word) - 1);
	(void)ignored;
	close(fd);
}
