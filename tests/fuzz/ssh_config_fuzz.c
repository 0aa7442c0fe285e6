#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "executors/ssh_config.h"
#include "executors/ssh_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
environment(const char *name)
{
	return strlen(name) == 4 ? "value" : NULL;
}

/* The bytes as a configuration file, and as a key file: both are the user's. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct ssh_config c = {.arena = &a, .host = "gpu-1", .home = "/home/me",
			       .local_user = "me", .env = environment};
	struct ssh_jump jump[3];
	struct ssh_key key;
	struct err e;
	size_t n;

	ssh_config_read(&c, "file", "/home/me/.ssh", (const char *)data, size);
	ssh_config_finish(&c);
	if (!c.host_name || !c.user || c.port < 1 || c.port > 65535)
		__builtin_trap();
	if (c.proxy_jump && ssh_config_jumps(&a, c.proxy_jump, jump, 3, &n, &e) && (n < 1 || n > 3))
		__builtin_trap();
	arena_release(&a);
	if (ssh_key_read(&key, (const char *)data, size, &e) && !key.encrypted && !key.blob.len)
		__builtin_trap();
	ssh_key_release(&key);
	return 0;
}
