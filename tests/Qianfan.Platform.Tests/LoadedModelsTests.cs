using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Services;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>What the worker has in memory: nothing that is used ever goes, and nothing is loaded twice.</summary>
public sealed class LoadedModelsTests
{
    private static readonly ModelSpec s_model = new("m", "/models/m", null);

    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _said = [];
    private readonly LoadedModels _models;
    private TaskCompletionSource _loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _unloading = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public LoadedModelsTests()
    {
        _loading.SetResult();
        _unloading.SetResult();
        _models = new LoadedModels(LoadAsync, UnloadAsync, _time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string[] Said
    {
        get
        {
            lock (_said) return [.. _said];
        }
    }

    [Fact]
    public async Task A_model_is_loaded_once_for_all_who_want_it()
    {
        _loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var uses = Enumerable.Range(0, 5).Select(_ => _models.UseAsync(s_model, Cancel)).ToList();
        _models.IsLoaded("m").ShouldBeFalse();
        _loading.SetResult();
        foreach (var use in uses) (await use).Dispose();
        Said.ShouldBe(["load m"]);
        _models.IsLoaded("m").ShouldBeTrue();
    }

    [Fact]
    public async Task One_who_gives_up_takes_nothing_from_the_others()
    {
        _loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using var impatient = new CancellationTokenSource();
        var first = _models.UseAsync(s_model, impatient.Token);
        var second = _models.UseAsync(s_model, Cancel);
        await impatient.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => first);
        _loading.SetResult();
        using var use = await second;
        Said.ShouldBe(["load m"]);
    }

    [Fact]
    public async Task After_a_failure_the_next_tries_again()
    {
        var failing = _loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        failing.SetException(new WorkerRequestException(WorkerErrors.InvalidModel, "broken"));
        (await Should.ThrowAsync<WorkerRequestException>(() => _models.UseAsync(s_model, Cancel))).Message.ShouldBe("broken");
        _models.Keys.ShouldBeEmpty();
        _loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _loading.SetResult();
        using var use = await _models.UseAsync(s_model, Cancel);
        Said.ShouldBe(["load m", "load m"]);
    }

    [Fact]
    public async Task A_retired_model_goes_with_its_last_user_unless_it_is_wanted_again()
    {
        var first = await _models.UseAsync(s_model, Cancel);
        var second = await _models.UseAsync(s_model, Cancel);
        await _models.RetireAsync("m");
        first.Dispose();
        first.Dispose();
        Said.ShouldBe(["load m"]);
        using (await _models.UseAsync(s_model, Cancel)) second.Dispose();
        Said.ShouldBe(["load m"]);
        await _models.RetireAsync("m");
        Said.ShouldBe(["load m", "unload m"]);
        await _models.RetireAsync("m");
        _models.Keys.ShouldBeEmpty();
    }

    [Fact]
    public async Task Only_what_nobody_uses_becomes_idle()
    {
        var use = await _models.UseAsync(s_model, Cancel);
        _time.Advance(TimeSpan.FromHours(1));
        _models.UnloadIdle(TimeSpan.FromMinutes(5)).ShouldBeEmpty();
        use.Dispose();
        _time.Advance(TimeSpan.FromMinutes(4));
        _models.UnloadIdle(TimeSpan.FromMinutes(5)).ShouldBeEmpty();
        _time.Advance(TimeSpan.FromMinutes(1));
        _models.UnloadIdle(TimeSpan.FromMinutes(5)).ShouldBe(["m"]);
        _models.IsLoaded("m").ShouldBeFalse();
        Said.ShouldBe(["load m", "unload m"]);
    }

    [Fact]
    public async Task What_is_wanted_again_is_loaded_after_the_worker_was_told_to_forget_it()
    {
        (await _models.UseAsync(s_model, Cancel)).Dispose();
        _unloading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var gone = _models.RetireAsync("m");
        var back = _models.UseAsync(s_model, Cancel);
        gone.IsCompleted.ShouldBeFalse();
        back.IsCompleted.ShouldBeFalse();
        _unloading.SetResult();
        using var use = await back;
        Said.ShouldBe(["load m", "unload m", "load m"]);
    }

    [Fact]
    public async Task What_nobody_wants_any_more_while_it_is_loaded_is_forgotten_when_it_is()
    {
        _loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using var impatient = new CancellationTokenSource();
        var use = _models.UseAsync(s_model, impatient.Token);
        await impatient.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => use);
        var gone = _models.RetireAsync("m");
        gone.IsCompleted.ShouldBeFalse();
        _loading.SetResult();
        await gone;
        Said.ShouldBe(["load m", "unload m"]);
    }

    private async Task<ModelLoaded> LoadAsync(ModelSpec model)
    {
        lock (_said) _said.Add("load " + model.Key);
        await _loading.Task;
        return new ModelLoaded("1", model.Key, 512, 1000);
    }

    private async Task UnloadAsync(string key)
    {
        await _unloading.Task;
        lock (_said) _said.Add("unload " + key);
    }
}
