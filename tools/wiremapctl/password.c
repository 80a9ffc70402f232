/* SPDX-License-Identifier: Apache-2.0 */
#include "password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl.h"

/* One line without its end, which may be CRLF. */
static int line_read(FILE *file, char password_r[AUTH_PASSWORD_BYTES_MAX + 1])
{
	char line[AUTH_PASSWORD_BYTES_MAX + 3];
	size_t len;
	int status = 0;

	if (fgets(line, sizeof(line), file) == NULL) {
		ctl_fail("no password came: write it as the first line");
		return -EINVAL;
	}
	len = strcspn(line, "\r\n");
	if (len > AUTH_PASSWORD_BYTES_MAX) {
		ctl_fail("the password is longer than %d bytes", (int)AUTH_PASSWORD_BYTES_MAX);
		status = -EINVAL;
	} else if (len == 0) {
		ctl_fail("the password is empty");
		status = -EINVAL;
	} else {
		memcpy(password_r, line, len);
		password_r[len] = '\0';
	}
	explicit_bzero(line, sizeof(line));
	return status;
}

static int ask(const char *question, const char *user, char password_r[AUTH_PASSWORD_BYTES_MAX + 1])
{
	int status;

	fprintf(stderr, "%s for %s: ", question, user);
	fflush(stderr);
	status = line_read(stdin, password_r);
	fputc('\n', stderr);
	return status;
}

static int ask_twice(const char *user, char password_r[AUTH_PASSWORD_BYTES_MAX + 1])
{
	char again[AUTH_PASSWORD_BYTES_MAX + 1] = "";
	struct termios before, silent;
	int status;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return -errno;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0)
		return -errno;
	status = ask("Password", user, password_r);
	if (status == 0)
		status = ask("The same again", user, again);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	if (status == 0 && strcmp(password_r, again) != 0) {
		ctl_fail("the two differ: nothing was changed");
		status = -EINVAL;
	}
	explicit_bzero(again, sizeof(again));
	return status;
}

int password_get(const char *file, const char *user, char password_r[AUTH_PASSWORD_BYTES_MAX + 1])
{
	FILE *opened;
	int status;

	if (file == NULL && isatty(STDIN_FILENO))
		return ask_twice(user, password_r);
	if (file == NULL || strcmp(file, "-") == 0)
		return line_read(stdin, password_r);
	opened = fopen(file, "re");
	if (opened == NULL) {
		status = -errno;
		ctl_fail("%s: %s", file, strerror(-status));
		return status;
	}
	status = line_read(opened, password_r);
	fclose(opened);
	return status;
}
