namespace Qianfan.Engine.Serving;

/// <summary>Threads that take parts of short operations. For one caller at a time.</summary>
/// <remarks>
/// A decoding step has hundreds of operations of a few microseconds: waking a thread for each would take longer than the work. So a thread looks out for the next one for a moment before it sleeps,
/// and the caller never waits for one that sleeps: it does the parts that nobody has taken, and waits only for those under way.
/// </remarks>
internal sealed class Crew
{
    /// <summary>How often a thread without work looks for some, with a pause of about a microsecond between: no more than it takes to sample a token.</summary>
    private const int Looks = 200;

    /// <summary>From so many tokens on small work for each is worth sharing: less is done before another thread has begun.</summary>
    private const int WorthSharing = 8;

    private readonly object _gate = new();
    private Job? _job;
    private int _asleep;
    private bool _started;

    private sealed class Job(Action<int> work, int parts)
    {
        private int _next;
        private int _done;

        public bool Done => Volatile.Read(ref _done) == parts;

        public void Help()
        {
            for (int part; (part = Interlocked.Increment(ref _next) - 1) < parts;)
            {
                work(part);
                Interlocked.Increment(ref _done);
            }
        }
    }

    /// <param name="threads">How many threads an operation may use, the caller's included.</param>
    public Crew(int threads) => Threads = threads;

    /// <summary>Threads that wait to be woken.</summary>
    internal int Asleep => Volatile.Read(ref _asleep);

    /// <summary>How many there are, the caller's included.</summary>
    public int Threads { get; }

    /// <summary>Does all parts, in any order; returns when they are done.</summary>
    /// <param name="parts">How many there are.</param>
    /// <param name="work">Does one; must not throw.</param>
    public void Run(int parts, Action<int> work)
    {
        if (Threads == 1 || parts == 1)
        {
            for (var part = 0; part < parts; part++)
                work(part);
            return;
        }
        if (!_started)
            Start();
        var job = new Job(work, parts);
        // A full fence: whoever goes to sleep now either sees the job or is seen asleep.
        Interlocked.Exchange(ref _job, job);
        if (Volatile.Read(ref _asleep) > 0)
        {
            lock (_gate)
                Monitor.PulseAll(_gate);
        }
        job.Help();
        var wait = new SpinWait();
        while (!job.Done)
            wait.SpinOnce(sleep1Threshold: -1);
        Volatile.Write(ref _job, null);
    }

    /// <summary>Does something for each token; the work is shared where they are many.</summary>
    /// <param name="tokens">How many there are.</param>
    /// <param name="work">A microsecond's work or less; must not throw.</param>
    public void Each(int tokens, Action<int> work)
    {
        if (tokens >= WorthSharing)
        {
            Run(tokens, work);
            return;
        }
        for (var token = 0; token < tokens; token++)
            work(token);
    }

    private void Start()
    {
        _started = true;
        for (var i = 1; i < Threads; i++)
            new Thread(Serve) { IsBackground = true, Name = "decoding" }.Start();
    }

    private void Serve()
    {
        Job? last = null;
        for (var looks = 0; ; looks++)
        {
            if (Volatile.Read(ref _job) is { } job && job != last)
            {
                job.Help();
                last = job;
                looks = 0;
            }
            else if (looks < Looks)
            {
                Thread.SpinWait(20);
            }
            else
            {
                Sleep(last);
                looks = 0;
            }
        }
    }

    private void Sleep(Job? last)
    {
        lock (_gate)
        {
            Interlocked.Increment(ref _asleep);
            if (Volatile.Read(ref _job) is not { } job || job == last)
                Monitor.Wait(_gate);
            Interlocked.Decrement(ref _asleep);
        }
    }
}
