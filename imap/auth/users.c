/* SPDX-License-Identifier: Apache-2.0 */
#include "users.h"
#include "auth.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool users_uuid_parse(const char *text, uint8_t uuid_r[16])
{
	unsigned n = 0;

	for (; *text != '\0' && n < 32; text++) {
		int digit = hex_digit(*text);

		if (*text == '-' && (n == 8 || n == 12 || n == 16 || n == 20) && text[1] != '-')
			continue;
		if (digit < 0)
			return false;
		uuid_r[n / 2] = (uint8_t)(n % 2 == 0 ? digit << 4 : uuid_r[n / 2] | digit);
		n++;
	}
	return n == 32 && *text == '\0';
}

void users_uuid_format(const uint8_t uuid[16], char text_r[37])
{
	static const char digits[] = "0123456789abcdef";
	unsigned at = 0;

	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text_r[at++] = '-';
		text_r[at++] = digits[uuid[i] >> 4];
		text_r[at++] = digits[uuid[i] & 15];
	}
	text_r[at] = '\0';
}

/* A name stands in a line of its own file and in logs: no separator, no control bytes. */
const char *users_name_fault(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return "the name is empty";
	if (len > AUTH_NAME_BYTES_MAX)
		return "the name is longer than 255 bytes";
	for (size_t i = 0; i < len; i++)
		if (name[i] == ':' || (unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return "a name may not hold ':' or control characters";
	return name[0] == '#' ? "a name may not start with '#'" : NULL;
}

const char *users_line_parse(char *line, struct auth_user *user_r)
{
	char *hash = strchr(line, ':');
	char *uuid = hash != NULL ? strchr(hash + 1, ':') : NULL;

	if (uuid == NULL)
		return "expected name:hash:account-uuid";
	*hash++ = '\0';
	*uuid++ = '\0';
	if (users_name_fault(line) != NULL)
		return users_name_fault(line);
	if (*hash == '\0' || strlen(hash) >= sizeof(user_r->hash))
		return "the hash is empty or longer than 384 bytes";
	if (!users_uuid_parse(uuid, user_r->account))
		return "the account is not a uuid";
	memcpy(user_r->name, line, strlen(line) + 1);
	memcpy(user_r->hash, hash, strlen(hash) + 1);
	return NULL;
}

static int each_line(FILE *file, const char *path,
		     int (*each)(const struct auth_user *user, void *arg), void *arg,
		     struct auth_error *error_r)
{
	struct auth_user user;
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	ssize_t len;
	int status = 0;

	while (status == 0 && (len = getline(&line, &room, file)) >= 0) {
		const char *fault;

		number++;
		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		if (len == 0 || line[0] == '#')
			continue;
		fault = strlen(line) != (size_t)len ? "a NUL byte" : users_line_parse(line, &user);
		if (fault != NULL) {
			snprintf(error_r->text, sizeof(error_r->text),
				 "%s:%u: %s: mend the line, or remove it and run "
				 "`wiremapctl user add`",
				 path, number, fault);
			status = -EINVAL;
			break;
		}
		status = each(&user, arg);
	}
	if (status == 0 && ferror(file)) {
		snprintf(error_r->text, sizeof(error_r->text), "%s: reading it failed", path);
		status = -EIO;
	}
	free(line);
	explicit_bzero(&user, sizeof(user));
	return status;
}

int auth_users_each(const char *users_path, int (*each)(const struct auth_user *user, void *arg),
		    void *arg, struct auth_error *error_r)
{
	FILE *file = fopen(users_path, "re");
	struct stat stat;
	int status;

	error_r->text[0] = '\0';
	if (file == NULL) {
		status = -errno;
		snprintf(error_r->text, sizeof(error_r->text),
			 "%s: %s: `wiremapctl user add NAME` makes it", users_path,
			 strerror(errno));
		return status;
	}
	if (fstat(fileno(file), &stat) == 0 && (stat.st_mode & S_IWOTH) != 0) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%s: anybody may write it: chmod 600 %s", users_path, users_path);
		status = -EPERM;
	} else {
		status = each_line(file, users_path, each, arg, error_r);
	}
	fclose(file);
	return status;
}

struct finding {
	const char *name;
	struct auth_user *user;
};

static int find_one(const struct auth_user *user, void *arg)
{
	struct finding *finding = arg;

	if (strcmp(user->name, finding->name) != 0)
		return 0;
	*finding->user = *user;
	return 1;
}

int auth_users_find(const char *users_path, const char *name, struct auth_user *user_r,
		    struct auth_error *error_r)
{
	struct finding finding = {name, user_r};
	int status = auth_users_each(users_path, find_one, &finding, error_r);

	if (status == 1)
		return 0;
	return status == 0 ? -ENOENT : status;
}

/* --- Changing the file: written new beside the old one, made durable, renamed. --- */

struct rewrite {
	FILE *out;
	const char *name; /* whose line is left out */
	bool found;
};

static int user_write(FILE *out, const struct auth_user *user)
{
	char uuid[37];

	users_uuid_format(user->account, uuid);
	return fprintf(out, "%s:%s:%s\n", user->name, user->hash, uuid) < 0 ? -EIO : 0;
}

static int copy_other(const struct auth_user *user, void *arg)
{
	struct rewrite *rewrite = arg;

	if (strcmp(user->name, rewrite->name) == 0) {
		rewrite->found = true;
		return 0;
	}
	return user_write(rewrite->out, user);
}

/* The directory is both the lock against a second wiremapctl and what makes the name durable. */
static int directory_lock(const char *users_path, struct auth_error *error_r)
{
	char copy[PATH_MAX];
	int directory;

	if (strlen(users_path) >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, users_path, strlen(users_path) + 1);
	directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || flock(directory, LOCK_EX) != 0) {
		int status = -errno;

		snprintf(error_r->text, sizeof(error_r->text),
			 "%s: its directory: %s: make it, or name another file under users:",
			 users_path, strerror(-status));
		if (directory >= 0)
			close(directory);
		return status;
	}
	return directory;
}

static int rewrite_finish(struct rewrite *rewrite, const char *new_path, const char *users_path,
			  int directory)
{
	struct stat old;
	int descriptor = fileno(rewrite->out);

	/* Whoever could read the old file, such as the helper's group, can read the new one. */
	if (stat(users_path, &old) == 0 && (fchmod(descriptor, old.st_mode & 0777) != 0 ||
					    fchown(descriptor, old.st_uid, old.st_gid) != 0))
		return -errno;
	if (fflush(rewrite->out) != 0 || fdatasync(descriptor) != 0 ||
	    rename(new_path, users_path) != 0 || fsync(directory) != 0)
		return -errno;
	return 0;
}

static int users_rewrite(const char *users_path, const char *name, const struct auth_user *add,
			 struct auth_error *error_r)
{
	struct rewrite rewrite = {.name = name};
	char new_path[PATH_MAX];
	int descriptor, status, directory;

	error_r->text[0] = '\0';
	if (snprintf(new_path, sizeof(new_path), "%s.new", users_path) >= (int)sizeof(new_path))
		return -ENAMETOOLONG;
	directory = directory_lock(users_path, error_r);
	if (directory < 0)
		return directory;
	descriptor = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rewrite.out = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
	if (rewrite.out == NULL) {
		status = -errno;
		goto out;
	}
	status = access(users_path, F_OK) == 0
			 ? auth_users_each(users_path, copy_other, &rewrite, error_r)
			 : 0;
	if (status == 0 && add != NULL)
		status = user_write(rewrite.out, add);
	if (status == 0 && add == NULL && !rewrite.found)
		status = -ENOENT;
	if (status == 0)
		status = rewrite_finish(&rewrite, new_path, users_path, directory);
	fclose(rewrite.out);
	if (status != 0)
		unlink(new_path);
out:
	if (status != 0 && status != -ENOENT && error_r->text[0] == '\0')
		snprintf(error_r->text, sizeof(error_r->text), "%.400s: %s", new_path,
			 strerror(-status));
	close(directory);
	return status;
}

int auth_users_put(const char *users_path, const struct auth_user *user, struct auth_error *error_r)
{
	const char *fault = users_name_fault(user->name);

	if (fault != NULL) {
		snprintf(error_r->text, sizeof(error_r->text), "%s: %s", user->name, fault);
		return -EINVAL;
	}
	return users_rewrite(users_path, user->name, user, error_r);
}

int auth_users_remove(const char *users_path, const char *name, struct auth_error *error_r)
{
	return users_rewrite(users_path, name, NULL, error_r);
}
