using Microsoft.Extensions.Localization;

namespace Qianfan.Portal.Components.Shared;

/// <summary>
/// The portal's texts, with plural forms where a language has any: <c>{0} {0:row|rows}</c> reads "1 row" and "2 rows". What stands before the bar is for exactly one.
/// Chinese has one form and needs none of it. Thread-safe.
/// </summary>
/// <typeparam name="T">The class that marks the resources.</typeparam>
public sealed class PluralTexts<T>(IStringLocalizerFactory factory) : StringLocalizer<T>(factory)
{
    /// <inheritdoc/>
    public override LocalizedString this[string name, params object[] arguments] => base[name, [.. arguments.Select(Counted)]];

    private static object Counted(object argument) => argument switch
    {
        int number => new Count(number),
        long number => new Count(number),
        _ => argument,
    };

    private readonly record struct Count(long Number) : IFormattable
    {
        public string ToString(string? format, IFormatProvider? formatProvider) =>
            format?.Split('|') is [var one, var others] ? Number is 1 ? one : others : Number.ToString(format, formatProvider);
    }
}

/// <summary>Registers texts.</summary>
public static class TextExtensions
{
    /// <summary>Texts in the reader's language, with plural forms.</summary>
    public static IServiceCollection AddTexts(this IServiceCollection services) =>
        services.AddLocalization().AddTransient(typeof(IStringLocalizer<>), typeof(PluralTexts<>));
}
