# The measured loops in Perl, with its built-ins. Reads lines "job size n", and answers each with the nanoseconds that
# n turns took, or "-".
use strict;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use constant { IPC_PRIVATE => 0, IPC_RMID => 0, LARGEST => 1 << 20 };

$| = 1;
$SIG{INT} = 'IGNORE';    # the end of standard input ends it, so that nothing is left behind
my ($cpu, $partner_cpu) = @ARGV;
my ($queue, $back, $set, $segment, $peer, $control, $last);
my $buffer = '';
my @heap;

sub pin {
    my ($to) = @_;
    return if $to < 0;
    my $mask = "\0" x 128;
    vec($mask, $to, 1) = 1;
    my $number = (POSIX::uname())[4] eq 'aarch64' ? 122 : 203;    # sched_setaffinity
    syscall($number, 0, 128, $mask);
}

sub queues {
    return if defined $queue;
    $queue = msgget(IPC_PRIVATE, 0600) // die "msgget: $!";
    $back = msgget(IPC_PRIVATE, 0600) // die "msgget: $!";
}

sub segment {
    $segment //= shmget(IPC_PRIVATE, LARGEST, 0600) // die "shmget: $!";
}

sub queue {
    my ($size, $n) = @_;
    queues();
    my $message = pack('l! a*', 1, 'x' x $size);
    for (1 .. $n) {
        msgsnd($queue, $message, 0) or die "msgsnd: $!";
        defined msgrcv($queue, $buffer, $size, 1, 0) or die "msgrcv: $!";
    }
}

sub fork_children {
    my ($n) = @_;
    for (1 .. $n) {
        my $pid = fork() // die "fork: $!";
        POSIX::_exit(0) if $pid == 0;
        waitpid(-1, 0);
    }
}

my %jobs = (
    queue   => \&queue,
    object  => \&queue,
    getppid => sub { my (undef, $n) = @_; getppid() for 1 .. $n },
    semop => sub {
        my (undef, $n) = @_;
        $set //= semget(IPC_PRIVATE, 1, 0600) // die "semget: $!";
        my ($up, $down) = (pack('s!3', 0, 1, 0), pack('s!3', 0, -1, 0));
        for (1 .. $n) {
            semop($set, $up) && semop($set, $down) or die "semop: $!";
        }
    },
    'copy-in' => sub {
        my ($size, $n) = @_;
        my $bytes = 'x' x $size;
        segment();
        for (1 .. $n) { shmwrite($segment, $bytes, 0, $size) or die "shmwrite: $!" }
    },
    'copy-new' => sub {
        my ($size, $n) = @_;
        segment();
        for (1 .. $n) { shmread($segment, $buffer, 0, $size) or die "shmread: $!" }
    },
    fork => sub {
        my ($size, $n) = @_;
        fork_children($n);
    },
);

my %exchanges = (
    queues => [
        sub {
            my ($size, $n) = @_;
            my $message = pack('l! a*', 1, 'x' x $size);
            for (1 .. $n) {
                msgsnd($queue, $message, 0) && defined msgrcv($back, $buffer, $size, 0, 0) or die "msgsnd: $!";
            }
        },
        sub {
            my ($size, $n) = @_;
            for (1 .. $n) {
                defined msgrcv($queue, $buffer, $size, 0, 0) && msgsnd($back, $buffer, 0) or die "msgrcv: $!";
            }
        },
    ],
    socket => [
        sub {
            my ($size, $n) = @_;
            my $message = 'x' x $size;
            for (1 .. $n) { write_all($message); read_all($size) }
        },
        sub {
            my ($size, $n) = @_;
            for (1 .. $n) { read_all($size); write_all($buffer) }
        },
    ],
);

sub write_all {
    my $at = 0;
    while ($at < length $_[0]) { $at += syswrite($peer, $_[0], length($_[0]) - $at, $at) // die "write: $!" }
}

sub read_all {
    my ($size) = @_;
    my $at = 0;
    while ($at < $size) { $at += sysread($peer, $buffer, $size - $at, $at) || die "read: $!" }
    substr($buffer, $size) = '' if length $buffer > $size;
}

sub start_partner {
    my ($name) = @_;
    queues();
    close $control, close $peer if $control;    # which ends the one before
    pipe(my $orders, $control) or die "pipe: $!";
    socketpair($peer, my $end, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        close $control;
        close $peer;
        $peer = $end;
        pin($partner_cpu);
        while (sysread($orders, my $order, 16) == 16) { $exchanges{$name}[1]->(unpack 'q2', $order) }
        POSIX::_exit(0);
    }
    $last = $name;
}

pin($cpu);
while (<STDIN>) {
    my ($job, $size, $n) = split;
    my $start;
    if ($exchanges{$job}) {
        start_partner($job) if ($last // '') ne $job;
        syswrite($control, pack('q2', $size, $n + 1));
        $exchanges{$job}[0]->($size, 1);
        $start = clock_gettime(CLOCK_MONOTONIC);
        $exchanges{$job}[0]->($size, $n);
    } elsif ($jobs{$job} && !($job eq 'fork' && $size)) {
        $jobs{$job}->($size, 1);
        $start = clock_gettime(CLOCK_MONOTONIC);
        $jobs{$job}->($size, $n);
    } else {
        print "-\n";
        next;
    }
    printf "%d\n", (clock_gettime(CLOCK_MONOTONIC) - $start) * 1e9;
}
if (defined $queue) { msgctl($_, IPC_RMID, 0) for $queue, $back }
shmctl($segment, IPC_RMID, 0) if defined $segment;
semctl($set, 0, IPC_RMID, 0) if defined $set;
