using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;

namespace Qianfan.Platform.Data;

/// <summary>Inserts many rows with one prepared command. Entity Framework tracks each row, and has the database compile a command for it and tell its id again, which takes the processor many times as long.</summary>
internal static class BulkInsert
{
    /// <summary>Inserts rows in the transaction of the context. Ids are the database's, and are not told.</summary>
    public static async Task InsertAsync<T>(this PlatformDbContext context, IReadOnlyList<T> rows, CancellationToken cancellationToken) where T : class
    {
        var entity = context.Model.FindEntityType(typeof(T))!;
        var columns = entity.GetProperties().Where(property => property.ValueGenerated == ValueGenerated.Never).Select(property => new Column(property)).ToArray();
        var sql = context.GetService<ISqlGenerationHelper>();
        await using var command = context.Database.GetDbConnection().CreateCommand();
        command.Transaction = context.Database.CurrentTransaction!.GetDbTransaction();
        command.CommandText = $"INSERT INTO {sql.DelimitIdentifier(entity.GetTableName()!)} ({string.Join(", ", columns.Select(column => sql.DelimitIdentifier(column.Name)))}) VALUES ({string.Join(", ", columns.Select(column => "@" + column.Name))})";
        var parameters = columns.Select(column => Add(command, column.Name)).ToArray();
        foreach (var row in rows)
        {
            for (var i = 0; i < columns.Length; i++) parameters[i].Value = columns[i].Read(row) ?? DBNull.Value;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static DbParameter Add(DbCommand command, string name)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = "@" + name;
        command.Parameters.Add(parameter);
        return parameter;
    }

    /// <summary>How a property is stored.</summary>
    private sealed class Column(IProperty property)
    {
        private readonly IClrPropertyGetter _getter = property.GetGetter();
        private readonly Func<object?, object?>? _convert = property.GetTypeMapping().Converter?.ConvertToProvider;

        public string Name { get; } = property.GetColumnName();

        public object? Read(object row)
        {
            var value = _getter.GetClrValue(row);
            return _convert is null ? value : _convert(value);
        }
    }
}
