/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth.h"

static char directory[] = "/tmp/wiremap-users-XXXXXX";
static char path[128];

/* How often the helpers have hashed what a user said; the linker leads libcrypt's name here. Their
 * dummy hash, made at their start, does not count. */
static _Atomic unsigned *hashed;

char *__real_crypt_rn(const char *phrase, const char *setting, void *data, int size);
char *__wrap_crypt_rn(const char *phrase, const char *setting, void *data, int size);

char *__wrap_crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
	if (hashed != NULL && strcmp(phrase, "no such user") != 0)
		++*hashed;
	return __real_crypt_rn(phrase, setting, data, size);
}

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/wiremap-users-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/users", directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static struct auth_user user_make(const char *name, const char *password, uint8_t account)
{
	struct auth_user user = {0};

	snprintf(user.name, sizeof(user.name), "%s", name);
	/* md5crypt: fast, and the scheme is not what these tests are about. */
	assert_int_equal(auth_hash(password, "$1$", user.hash), 0);
	memset(user.account, account, sizeof(user.account));
	return user;
}

static void put(const char *name, const char *password, uint8_t account)
{
	struct auth_user user = user_make(name, password, account);
	struct auth_error error;

	assert_int_equal(auth_users_put(path, &user, &error), 0);
}

static void test_put_find_remove(void **state)
{
	struct auth_user user;
	struct auth_error error;

	(void)state;
	put("anna", "a", 1);
	put("bert@example.org", "b", 2);
	put("anna", "c", 3);
	assert_int_equal(auth_users_find(path, "anna", &user, &error), 0);
	assert_int_equal(user.account[15], 3);
	assert_int_equal(auth_users_find(path, "bert@example.org", &user, &error), 0);
	assert_int_equal(user.account[0], 2);
	assert_int_equal(auth_users_find(path, "ann", &user, &error), -ENOENT);
	assert_int_equal(auth_users_remove(path, "anna", &error), 0);
	assert_int_equal(auth_users_find(path, "anna", &user, &error), -ENOENT);
	assert_int_equal(auth_users_remove(path, "anna", &error), -ENOENT);
}

static void test_bad_line_is_named(void **state)
{
	struct auth_user user;
	struct auth_error error;
	FILE *file;

	(void)state;
	put("anna", "a", 1);
	file = fopen(path, "a");
	fputs("# a comment\n\nbroken:line\n", file);
	fclose(file);
	assert_int_equal(auth_users_find(path, "zoe", &user, &error), -EINVAL);
	assert_non_null(strstr(error.text, "users:4: expected name:hash:account-uuid"));
	/* A file that cannot be understood is not written over. */
	user = user_make("zoe", "z", 9);
	assert_int_equal(auth_users_put(path, &user, &error), -EINVAL);
	assert_int_equal(auth_users_find(path, "anna", &user, &error), 0);
}

static void test_writable_by_all_is_refused(void **state)
{
	struct auth_user user;
	struct auth_error error;

	(void)state;
	put("anna", "right", 7);
	assert_int_equal(chmod(path, 0602), 0);
	assert_int_equal(auth_users_find(path, "anna", &user, &error), -EPERM);
	assert_non_null(strstr(error.text, "chmod 600"));
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(auth_users_find(path, "anna", &user, &error), 0);
}

static void test_names_refused(void **state)
{
	static const char *const names[] = {"", "a:b", "a\nb", "#a"};
	struct auth_user user = user_make("x", "x", 1);
	struct auth_error error;

	(void)state;
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		snprintf(user.name, sizeof(user.name), "%s", names[k]);
		assert_int_equal(auth_users_put(path, &user, &error), -EINVAL);
	}
	assert_int_equal(access(path, F_OK), -1);
}

static enum auth_status ask(struct auth *auth, const char *name, const char *password,
			    uint8_t *account_r)
{
	struct auth_request request = {0};
	enum auth_status status;

	snprintf(request.name, sizeof(request.name), "%s", name);
	snprintf(request.password, sizeof(request.password), "%s", password);
	status = auth_verify(auth, &request);
	assert_int_equal(request.password[0], 0);
	*account_r = request.account[7];
	return status;
}

static void test_helper_end_to_end(void **state)
{
	struct auth *auth;
	uint8_t account;

	(void)state;
	put("anna", "right", 7);
	assert_int_equal(auth_start(path, 0, 0, NULL, &auth), 0);
	assert_int_equal(ask(auth, "anna", "right", &account), AUTH_OK);
	assert_int_equal(account, 7);
	assert_int_equal(ask(auth, "anna", "wrong", &account), AUTH_DENIED);
	assert_int_equal(ask(auth, "nobody", "right", &account), AUTH_DENIED);
	assert_int_equal(ask(auth, "anna", "", &account), AUTH_DENIED);
	/* The file is read anew: a change needs no restart. */
	put("anna", "newer", 8);
	assert_int_equal(ask(auth, "anna", "right", &account), AUTH_DENIED);
	assert_int_equal(ask(auth, "anna", "newer", &account), AUTH_OK);
	assert_int_equal(account, 8);
	unlink(path);
	assert_int_equal(ask(auth, "anna", "newer", &account), AUTH_UNAVAILABLE);
	put("anna", "newer", 8);
	auth_stop(&auth);
	assert_null(auth);
}

/* Time must not tell who exists. */
static void test_unknown_user_costs_as_much(void **state)
{
	struct auth *auth;
	uint8_t account;

	(void)state;
	put("anna", "right", 7);
	hashed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(hashed != MAP_FAILED);
	assert_int_equal(auth_start(path, 0, 0, NULL, &auth), 0);
	assert_int_equal(ask(auth, "anna", "wrong", &account), AUTH_DENIED);
	assert_int_equal(*hashed, 1);
	assert_int_equal(ask(auth, "nobody", "wrong", &account), AUTH_DENIED);
	assert_int_equal(*hashed, 2);
	auth_stop(&auth);
	munmap(hashed, 4096);
	hashed = NULL;
}

/* Kills one of our children. False: there is none that lives. */
static bool child_kill(void)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	siginfo_t info;
	int pid;

	assert_non_null(children);
	while (fscanf(children, "%d", &pid) == 1) {
		info.si_pid = 0;
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
		if (info.si_pid != 0)
			continue;
		kill(pid, SIGKILL);
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		fclose(children);
		return true;
	}
	fclose(children);
	return false;
}

/* While one of the helpers lives, no login fails. */
static void test_helpers_that_die(void **state)
{
	struct auth *auth;
	uint8_t account;

	(void)state;
	put("anna", "right", 7);
	assert_int_equal(auth_start(path, 0, 0, NULL, &auth), 0);
	assert_true(child_kill());
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(ask(auth, "anna", "right", &account), AUTH_OK);
	while (child_kill())
		;
	assert_int_equal(ask(auth, "anna", "right", &account), AUTH_UNAVAILABLE);
	auth_stop(&auth);
}

static void test_default_hash_is_yescrypt(void **state)
{
	char hash[384 + 1];

	(void)state;
	assert_int_equal(auth_hash("password", NULL, hash), 0);
	assert_memory_equal(hash, "$y$", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put_find_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_line_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writable_by_all_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helper_end_to_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_user_costs_as_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helpers_that_die, setup, teardown),
		cmocka_unit_test(test_default_hash_is_yescrypt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
