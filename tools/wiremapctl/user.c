/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "password.h"

/* crypt(5) prefixes. The first is what auth_hash() takes by itself. */
static const struct {
	const char *name;
	const char *prefix;
} schemes[] = {
	{"yescrypt", "$y$"}, {"scrypt", "$7$"}, {"bcrypt", "$2b$"},
	{"sha512", "$6$"},   {"sha256", "$5$"},
};

static const char *scheme_prefix(const char *name)
{
	for (size_t k = 0; k < sizeof(schemes) / sizeof(schemes[0]); k++)
		if (strcmp(name, schemes[k].name) == 0)
			return schemes[k].prefix;
	return NULL;
}

static int hash_make(const struct ctl *ctl, struct auth_user *user)
{
	char password[AUTH_PASSWORD_BYTES_MAX + 1];
	const char *prefix = NULL;
	int status;

	if (ctl->scheme != NULL && (prefix = scheme_prefix(ctl->scheme)) == NULL) {
		ctl_fail("%s is no scheme: use yescrypt, scrypt, bcrypt, sha512 or sha256",
			 ctl->scheme);
		return -EINVAL;
	}
	status = password_get(ctl->password_file, user->name, password);
	if (status != 0)
		return status;
	status = auth_hash(password, prefix, user->hash);
	explicit_bzero(password, sizeof(password));
	if (status != 0)
		ctl_fail("hashing the password: %s", strerror(-status));
	return status;
}

/* A random UUID (RFC 9562, version 4). */
static int account_make(uint8_t account_r[16])
{
	if (getrandom(account_r, 16, 0) != 16) {
		ctl_fail("no random bytes: %s", strerror(errno));
		return -EIO;
	}
	account_r[6] = (uint8_t)((account_r[6] & 0x0f) | 0x40);
	account_r[8] = (uint8_t)((account_r[8] & 0x3f) | 0x80);
	return 0;
}

/* An account with an empty INBOX, so that the user can log in before any mail came. */
static int inbox_make(struct ctl *ctl, const uint8_t account[16])
{
	struct store_import *import;
	struct store_error error;
	struct store *store;
	int status = ctl_store_open(ctl, &store);

	if (status != 0)
		return status;
	status = store_import_open(store, account, &import, &error);
	if (status == 0)
		status = store_import_close(&import, &error);
	if (status != 0)
		ctl_fail("%s", error.text);
	store_close(&store);
	return status;
}

/* Takes back what inbox_make() made for a user whom the password file did not take. */
static void inbox_remove(struct ctl *ctl, const uint8_t account[16])
{
	struct store_error error;
	struct store *store;

	if (ctl_store_open(ctl, &store) != 0)
		return;
	if (store_account_remove(store, account, &error) != 0)
		ctl_fail("%s", error.text);
	store_close(&store);
}

static int user_put(const char *users, const struct auth_user *user)
{
	struct auth_error error;

	return auth_users_put(users, user, &error) == 0 ? CTL_OK : ctl_fail("%s", error.text);
}

static int name_take(const struct ctl *ctl, struct auth_user *user)
{
	size_t len = strlen(ctl->argument);

	if (len > AUTH_NAME_BYTES_MAX)
		return ctl_fail("the name is longer than %d bytes", (int)AUTH_NAME_BYTES_MAX);
	memcpy(user->name, ctl->argument, len + 1);
	return CTL_OK;
}

int user_add(struct ctl *ctl)
{
	const char *users = ctl_users(ctl);
	struct auth_user user = {0};
	struct auth_error error;
	int status;

	if (users == NULL || name_take(ctl, &user) != CTL_OK)
		return CTL_FAILED;
	status = auth_users_find(users, user.name, &user, &error);
	if (status == 0)
		return ctl_fail("%s has a user %s already: `wiremapctl user passwd %s` gives it "
				"another password",
				users, user.name, user.name);
	if (status != -ENOENT)
		return ctl_fail("%s", error.text);
	if (account_make(user.account) != 0 || hash_make(ctl, &user) != 0)
		return CTL_FAILED;
	if (ctl_store_named(ctl) && inbox_make(ctl, user.account) != 0)
		return CTL_FAILED;
	status = user_put(users, &user);
	if (status != CTL_OK && ctl_store_named(ctl))
		inbox_remove(ctl, user.account);
	return status;
}

int user_passwd(struct ctl *ctl)
{
	struct auth_user user = {0};

	if (ctl_user_find(ctl, ctl->argument, &user) != 0 || hash_make(ctl, &user) != 0)
		return CTL_FAILED;
	return user_put(ctl_users(ctl), &user);
}

int user_del(struct ctl *ctl)
{
	struct store_error store_error;
	struct auth_error error;
	struct auth_user user;
	struct store *store = NULL;
	int status;

	if (ctl_user_find(ctl, ctl->argument, &user) != 0)
		return CTL_FAILED;
	if (ctl->mail && ctl_store_open(ctl, &store) != 0)
		return CTL_FAILED;
	/* The user first: nobody may log in to an account that is half gone. */
	status = auth_users_remove(ctl_users(ctl), user.name, &error);
	if (status != 0)
		ctl_fail("%s", error.text);
	if (status == 0 && ctl->mail) {
		status = store_account_remove(store, user.account, &store_error);
		if (status == -ENOENT)
			status = 0;
		if (status != 0)
			ctl_fail("%s", store_error.text);
	}
	store_close(&store);
	return status == 0 ? CTL_OK : CTL_FAILED;
}

static int user_print(const struct auth_user *user, void *arg)
{
	(void)arg;
	printf("%s\t", user->name);
	for (unsigned i = 0; i < 16; i++)
		printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
		       user->account[i]);
	putchar('\n');
	return 0;
}

int user_list(struct ctl *ctl)
{
	const char *users = ctl_users(ctl);
	struct auth_error error;

	if (users == NULL)
		return CTL_FAILED;
	return auth_users_each(users, user_print, NULL, &error) == 0 ? CTL_OK
								     : ctl_fail("%s", error.text);
}
