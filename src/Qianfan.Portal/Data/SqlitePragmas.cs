using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Qianfan.Portal.Data;

/// <summary>Sets what SQLite keeps per connection, each time one opens.</summary>
/// <param name="synchronous"><c>FULL</c>: a commit survives a power cut; audit and money need it. <c>NORMAL</c>: the newest commits may be lost in one, never torn; ten times faster.</param>
internal sealed class SqlitePragmas(string synchronous) : DbConnectionInterceptor
{
    private readonly string _sql = $"PRAGMA journal_mode=WAL; PRAGMA busy_timeout=15000; PRAGMA foreign_keys=ON; PRAGMA synchronous={synchronous};";

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = connection.CreateCommand();
        command.CommandText = _sql;
        command.ExecuteNonQuery();
    }

    public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = _sql;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
