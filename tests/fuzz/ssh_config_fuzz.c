#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "executors/ssh/ssh.h"
#include "executors/ssh/ssh_key.h"
#include "executors/ssh/ssh_lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
environment(const char *name)
{
	return strlen(name) == 4 ? "value" : NULL;
}

/* The bytes as a configuration file, and as a key file: both belong to the user. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct ssh_config c = {.arena = &a, .host = "gpu-1", .home = "/home/me",
			       .local_user = "me", .env = environment};
	struct ssh_jump jump[3];
	struct ssh_key key;
	struct err e = {0};
	size_t n;

	const struct ssh_source source = {.dir = "/home/me/.ssh"};
	bool ok = ssh_config_read(&c, "file", &source, (const char *)data, size, &e);

	if (ok && c.want_final)
		ok = ssh_config_again(&c, &e) &&
		     ssh_config_read(&c, "file", &source, (const char *)data, size, &e);
	ok = ok && ssh_config_finish(&c, &e);
	if (ok && (!c.host_name || !c.user || c.port < 1 || c.port > 65535))
		__builtin_trap();
	/* A refusal has a message. */
	if (!ok && !*e.text)
		__builtin_trap();
	for (int w = 0; w < SSH_WORDS; w++) {
		struct str list = {0};

		if (ssh_words[w].does == DOES_LIMITS && c.said[w].value)
			ssh_list_pick((enum ssh_word_id)w, c.said[w].value, &list);
		str_release(&list);
	}
	if (ok && c.proxy_jump && ssh_config_jumps(&a, c.proxy_jump, jump, 3, &n, &e) && (n < 1 || n > 3))
		__builtin_trap();
	ssh_revoked_read("place", "file", (const char *)data, size, data, size / 2, &e);
	arena_release(&a);
	if (ssh_key_read(&key, (const char *)data, size, &e) && !key.encrypted && !key.blob.len)
		__builtin_trap();
	ssh_key_release(&key);
	return 0;
}
