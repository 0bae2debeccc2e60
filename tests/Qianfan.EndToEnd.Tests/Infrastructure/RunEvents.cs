using Microsoft.Data.Sqlite;

namespace Qianfan.EndToEnd.Tests.Infrastructure;

/// <summary>Looks into a portal's database, from outside, while it runs or after it was killed.</summary>
internal sealed class RunEvents(string dataDirectory)
{
    private readonly string _connectionString = new SqliteConnectionStringBuilder
    {
        DataSource = Path.Combine(dataDirectory, "portal.db"),
        Mode = SqliteOpenMode.ReadOnly,
        Pooling = false,
    }.ToString();

    public sealed record Row(long Sequence, string Kind, string? ActionClass, string? ActionState, int? Step, string DataJson);

    public async Task<IReadOnlyList<Row>> AllAsync(string runId, CancellationToken cancellationToken)
    {
        await using var connection = new SqliteConnection(_connectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT Sequence, Kind, ActionClass, ActionState, Step, DataJson FROM RunEvents WHERE RunId = $run COLLATE NOCASE ORDER BY Sequence";
        command.Parameters.AddWithValue("$run", runId);
        List<Row> rows = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new Row(
                reader.GetInt64(0), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2),
                reader.IsDBNull(3) ? null : reader.GetString(3), reader.IsDBNull(4) ? null : reader.GetInt32(4), reader.GetString(5)));
        }

        return rows;
    }

    public async Task<string> StatusAsync(string runId, CancellationToken cancellationToken)
    {
        await using var connection = new SqliteConnection(_connectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT Status FROM Runs WHERE Id = $run COLLATE NOCASE";
        command.Parameters.AddWithValue("$run", runId);
        return (string)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Waits until the stored events hold what is asked for.</summary>
    public async Task WaitAsync(string runId, Func<IReadOnlyList<Row>, bool> holds, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromMinutes(4));
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!holds(await AllAsync(runId, deadline.Token)))
            await ticks.WaitForNextTickAsync(deadline.Token);
    }
}
