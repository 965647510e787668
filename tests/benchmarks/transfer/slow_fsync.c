/* A disk that takes 10 ms for each fsync: preloaded, it delays the calls and lets them through. */
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

static int slowly(long number, int descriptor) {
    struct timespec delay = {0, 10 * 1000 * 1000};
    nanosleep(&delay, 0);
    return syscall(number, descriptor);
}

int fsync(int descriptor) { return slowly(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return slowly(SYS_fdatasync, descriptor); }
