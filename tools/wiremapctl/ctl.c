/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "mailstore/mailstore.h"

int ctl_fail(const char *format, ...)
{
	va_list args;

	fputs("wiremapctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CTL_FAILED;
}

const char *ctl_users(const struct ctl *ctl)
{
	const char *users = ctl->users;

	if (users == NULL && ctl->config != NULL)
		users = ctl->config->users;
	if (users == NULL)
		ctl_fail("no password file is named: write users: in the configuration, or give "
			 "--users FILE");
	return users;
}

int ctl_user_find(const struct ctl *ctl, const char *name, struct auth_user *user_r)
{
	const char *users = ctl_users(ctl);
	struct auth_error error;
	int status;

	if (users == NULL)
		return -EINVAL;
	status = auth_users_find(users, name, user_r, &error);
	if (status == -ENOENT && error.text[0] == '\0')
		ctl_fail("%s has no user %s: add it with `wiremapctl user add %s`", users, name,
			 name);
	else if (status != 0)
		ctl_fail("%s", error.text);
	return status;
}

/* --- The store --- */

bool ctl_store_named(const struct ctl *ctl)
{
	return ctl->volumes_n > 0 || (ctl->config != NULL && ctl->config->volumes.n > 0);
}

int ctl_store_open(struct ctl *ctl, struct store **store_r)
{
	struct store_config config = mailstore_config(ctl->volumes, ctl->volumes_n, &ctl->log);
	struct store_error error;
	int status;

	if (config.volumes_n == 0 && ctl->config != NULL) {
		config.volumes = (const char *const *)ctl->config->volumes.items;
		config.volumes_n = ctl->config->volumes.n;
	}
	if (!ctl_store_named(ctl)) {
		ctl_fail("no volume is named: write volumes: in the configuration, or give "
			 "--volume DIR");
		return -EINVAL;
	}
	status = store_open(&config, store_r, &error);
	if (status != 0)
		ctl_fail("%s", error.text);
	return status;
}
