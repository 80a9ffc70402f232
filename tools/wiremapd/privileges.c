/* SPDX-License-Identifier: Apache-2.0 */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int privileges_find(const struct wiremap_config *config, struct privileges *privileges_r,
		    struct config_error *error_r)
{
	const struct passwd *user;
	const struct group *group;

	*privileges_r = (struct privileges){NULL, geteuid(), getegid()};
	if (config->user == NULL)
		return 0;
	user = getpwnam(config->user);
	if (user == NULL) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%.200s: user: there is no user %.100s: useradd --system %.100s",
			 config->path, config->user, config->user);
		return -EINVAL;
	}
	*privileges_r = (struct privileges){config->user, user->pw_uid, user->pw_gid};
	if (config->group == NULL)
		return 0;
	group = getgrnam(config->group);
	if (group == NULL) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%.200s: group: there is no group %.100s: groupadd --system %.100s",
			 config->path, config->group, config->group);
		return -EINVAL;
	}
	privileges_r->gid = group->gr_gid;
	return 0;
}

static bool may_read(const struct privileges *privileges, const struct stat *status)
{
	if (privileges->uid == 0)
		return true;
	if (status->st_uid == privileges->uid)
		return status->st_mode & S_IRUSR;
	if (status->st_gid == privileges->gid)
		return status->st_mode & S_IRGRP;
	return status->st_mode & S_IROTH;
}

int privileges_suffice(const struct privileges *privileges, const struct wiremap_config *config,
		       struct config_error *error_r)
{
	struct stat status;

	if (privileges->name == NULL)
		return 0;
	if (stat(config->users, &status) == 0 && !may_read(privileges, &status)) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%.200s: user %.60s may not read it: chown %.60s it", config->users,
			 privileges->name, privileges->name);
		return -EACCES;
	}
	for (unsigned k = 0; k < config->volumes.n; k++) {
		const char *volume = config->volumes.items[k];

		if (stat(volume, &status) == 0 && status.st_uid != privileges->uid) {
			snprintf(error_r->text, sizeof(error_r->text),
				 "%.200s does not belong to user %.60s: chown -R %.60s it", volume,
				 privileges->name, privileges->name);
			return -EACCES;
		}
	}
	return 0;
}

int privileges_begin(struct log *log)
{
	struct rlimit files;
	bool raised = getrlimit(RLIMIT_NOFILE, &files) == 0;

	files.rlim_cur = files.rlim_max;
	if (!raised || setrlimit(RLIMIT_NOFILE, &files) != 0)
		log_line(log, LOG_LEVEL_WARNING, "cannot raise the limit of open files: %s",
			 strerror(errno));
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

/* Groups first: afterwards there is no right to change them. glibc changes all threads. */
static int become(const struct privileges *privileges)
{
	if (setgroups(0, NULL) != 0 ||
	    setresgid(privileges->gid, privileges->gid, privileges->gid) != 0)
		return -errno;
	if (setresuid(privileges->uid, privileges->uid, privileges->uid) != 0)
		return -errno;
	/* The way back must be closed. */
	if (privileges->uid != 0 && setuid(0) == 0)
		return -EPERM;
	return 0;
}

int privileges_drop(const struct privileges *privileges, struct log *log)
{
	int status = 0;

	if (privileges->name != NULL && geteuid() == 0) {
		status = become(privileges);
		if (status != 0)
			log_line(log, LOG_LEVEL_ERROR, "cannot become user %s: %s",
				 privileges->name, strerror(-status));
		else
			log_line(log, LOG_LEVEL_INFO, "running as user %s", privileges->name);
	} else if (privileges->name != NULL && geteuid() != privileges->uid) {
		log_line(log, LOG_LEVEL_ERROR, "only root can become user %s", privileges->name);
		status = -EPERM;
	} else if (geteuid() == 0) {
		log_line(log, LOG_LEVEL_WARNING,
			 "keeps running as root: set user: in the configuration");
	}
	return status;
}
